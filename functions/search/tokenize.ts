// From a text to its words.

/** The words of `text` in lower case: runs of letters and digits. */
export function tokenize(text: string): Array<string> {
  const words = new Array<string>();
  const lower = text.toLowerCase();
  let start = -1;
  for (let i = 0; i <= lower.length; i++) {
    const inside = i < lower.length && isWordPart(lower.charCodeAt(i));
    if (inside && start < 0) start = i;
    if (!inside && start >= 0) {
      words.push(lower.substring(start, i));
      start = -1;
    }
  }
  return words;
}

/** Digits, Latin letters, and everything beyond ASCII but its punctuation blocks. */
function isWordPart(code: i32): bool {
  if (code < 0x80) return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x7a);
  return code >= 0xc0 && !(code >= 0x2000 && code <= 0x206f) && !(code >= 0x3000 && code <= 0x303f);
}
