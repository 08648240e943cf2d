let policy;

/** The nodes of the server's safe HTML. The one place where HTML becomes nodes: give it a message's `html`, nothing else. */
export function nodesOf(html) {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  return template.content;
}

/** The page's headers let no other string become nodes, in browsers that know Trusted Types. */
function trusted(html) {
  policy ??= window.trustedTypes?.createPolicy("chatty-messages", { createHTML: (text) => text });
  return policy ? policy.createHTML(html) : html;
}
