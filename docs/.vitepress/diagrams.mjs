// Draws the diagrams of pages (code blocks of mermaid) as the site is built: nothing draws in the browser.

import { renderMermaidSVG } from "beautiful-mermaid";

/** A plugin of markdown-it that replaces each diagram by its picture. */
export function drawDiagrams(markdown) {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (...given) => {
    const [tokens, index] = given;
    const { info, content } = tokens[index];
    return info.trim() === "mermaid" ? `<div class="diagram" v-pre>${picture(content)}</div>\n` : fence(...given);
  };
}

/** The picture without its styles, which fix colours and name a font of another host: theme/diagrams.css has the colours. */
function picture(text) {
  return renderMermaidSVG(text)
    .replace(/<style>[\s\S]*?<\/style>\n?/, "")
    .replace(/^(<svg\b[^>]*?) style="[^"]*"/, "$1");
}
