// The rules of prose that a machine can check, for pages and for the comments of sources.

/** Something that a rule refuses; `line` counts from 1. */
export interface ProseFault {
  readonly line: number;
  readonly problem: string;
}

/** What the rules look up. */
export interface Lookups {
  /** Whether the repository has a file or folder at this path. */
  readonly exists: (path: string) => boolean;
}

/** Characters of a line of prose or source. */
const longestLine = 120;

/** A sentence that begins with "Who" and is no question hides its subject: write "A reader" instead of "Who reads". */
const hiddenSubject = /(?:^|[.!?:]["')*]*\s+|\|\s*)["'(*]*Who\s(?![^.!]*\?)/;

/** Documents that the project once had beside the repository, and that its own pages replaced. */
const goneDocuments = /\b(?:CONTRACT|DESIGN|STYLE)(?:\.md\b|(?=[,'’]| and [A-Z]{4}))/;

/** A path of the repository in running text; a pattern, or a place for a name, is none. */
const repositoryPath =
  /(?<![\w./@-])((?:src|runtime|test|bench|docs|scripts|functions|\.ci)\/[\w./-]*\w|[A-Z][A-Z_]+\.md)(?![\w*{<])/g;

/** What the rules refuse in a page's Markdown. Code blocks count for nothing but the length of their lines. */
export function pageFaults(markdown: string, { exists }: Lookups): ProseFault[] {
  let inCode = false;
  return markdown.split("\n").flatMap((text, index) => {
    const line = index + 1;
    const isFence = /^\s*```/.test(text);
    if (isFence) inCode = !inCode;
    const long = isTooLong(text) ? [{ line, problem: `${text.length} characters, at most ${longestLine}` }] : [];
    return inCode || isFence ? long : [...long, ...textFaults(text, { line, exists })];
  });
}

/** What the rules refuse in the comments of a TypeScript source: the same as in pages, and long lines of code too. */
export function commentFaults(source: string, { exists }: Lookups): ProseFault[] {
  return source.split("\n").flatMap((text, index) => {
    const line = index + 1;
    const long = isTooLong(text) ? [{ line, problem: `${text.length} characters, at most ${longestLine}` }] : [];
    const comment = /(?:^|\s)(?:\/\/|\/\*\*?|\*(?!\/))\s?(.*)$/.exec(text)?.[1];
    return comment === undefined ? long : [...long, ...textFaults(comment, { line, exists })];
  });
}

function textFaults(text: string, { line, exists }: { line: number } & Lookups): ProseFault[] {
  const faults: ProseFault[] = [];
  // What stands as code is quoted, not said.
  const said = text.replace(/`[^`]*`/g, "`…`");
  if (hiddenSubject.test(said)) faults.push({ line, problem: 'a sentence begins with "Who": name the subject' });
  if (goneDocuments.test(said)) faults.push({ line, problem: "it names a document that is not in the repository" });
  // A link's target counts from the page; whoever checks links checks it.
  const named = text.replace(/\]\([^)]*\)/g, "]");
  for (const [, path = ""] of named.matchAll(repositoryPath)) {
    if (!exists(path)) faults.push({ line, problem: `there is no ${path} in the repository` });
  }
  return faults;
}

/** Longer than a line may be, where it could be broken: not in a table, nor for the sake of one link or word. */
function isTooLong(text: string): boolean {
  if (text.length <= longestLine || /^\s*\|/.test(text)) return false;
  const parts = text.match(/\[[^\]]*\]\([^)]*\)|\S+/g) ?? [];
  const longest = Math.max(...parts.map((part) => part.length));
  return longest < longestLine - 20;
}
