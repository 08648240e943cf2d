let policy;

/** Creates the nodes of a message's safe HTML. The only place where HTML becomes nodes: pass a message's `html` and nothing else. */
export function nodesOf(html) {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  return template.content;
}

/** The policy of Trusted Types. In browsers with them, the page's headers forbid all other strings. */
function trusted(html) {
  policy ??= window.trustedTypes?.createPolicy("chatty-messages", { createHTML: (text) => text });
  return policy ? policy.createHTML(html) : html;
}
