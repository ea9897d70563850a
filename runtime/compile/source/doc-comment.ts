// Doc comments: the text before a declaration, and its text for a parameter.
import type { Node } from "assemblyscript";

/** Control and direction characters except the line feed: no tool's text may hold them. */
const unprintable = /(?!\n)[\p{Cc}\p{Bidi_Control}]/gu;
const maxDocLength = 4_000;
const maxCommentLength = 8_192;

/** `{doc}` of the JSDoc comment right before `node`, without its tags; `{}` when there is none. */
export function docOf(node: Node): { doc?: string } {
  const [text] = commentBefore(node).split(/^@/m);
  const doc = (text ?? "").trim().slice(0, maxDocLength);
  return doc === "" ? {} : { doc };
}

/** The text of `node`'s JSDoc for its parameter `name`. */
export function parameterDoc(node: Node, name: string): { doc?: string } {
  for (const tag of commentBefore(node).split(/^@/m)) {
    const match = /^param\s+(?:\{[^}]*\}\s*)?\[?([A-Za-z0-9_$]+)[^\s\]]*\]?\s*-?\s*([\s\S]*)$/.exec(tag);
    if (match?.[1] === name && match[2] !== undefined && match[2].trim() !== "")
      return { doc: match[2].trim().slice(0, maxDocLength) };
  }
  return {};
}

function commentBefore(node: Node): string {
  const { start: at, source } = node.range;
  const text = source.text.slice(Math.max(0, at - maxCommentLength), at);
  // Decorators and modifiers may stand between the comment and the declaration.
  const end =
    /\*\/(?:\s|@[A-Za-z.]+(?:\([^()]*\))?|export|default|abstract|public|readonly|static|const|declare)*$/.exec(text);
  if (end === null) return "";
  const start = text.lastIndexOf("/*", end.index);
  if (start === -1 || text[start + 2] !== "*") return "";
  return text
    .slice(start + 3, end.index)
    .replace(unprintable, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
    .join("\n");
}
