/** The nodes of the server's safe HTML. The one place where HTML becomes nodes: give it a message's `html`, nothing else. */
export function nodesOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
