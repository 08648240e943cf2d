let policy;

/** Creates the nodes of a message's safe HTML. The only place where HTML becomes nodes: pass a message's `html` and nothing else. */
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
