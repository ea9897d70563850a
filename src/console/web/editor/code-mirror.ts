// CodeMirror, set up for AssemblyScript: a chunk of its own, which the page loads when somebody edits.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, type Diagnostic as Mark, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, type Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Diagnostic } from "../../../api/problem-document.ts";

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.typeName, tags.className, tags.namespace], color: "var(--code-type)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-function)" },
  { tag: [tags.comment, tags.docComment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--panel)", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)", paddingBlock: "8px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--selection)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-diagnostic": { fontFamily: "var(--sans)", fontSize: "13px", maxWidth: "60ch", whiteSpace: "pre-wrap" },
  // Replaces CodeMirror's own images, which the page's policy does not load.
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 1px" },
  ".cm-lint-marker-error": {
    content: "''",
    width: "10px",
    height: "10px",
    borderRadius: "50%",
    background: "var(--bad)",
  },
  ".cm-gutter-lint .cm-gutterElement": { display: "grid", placeItems: "center" },
  ".cm-textfield, .cm-button": { background: "var(--panel)", color: "var(--text)", borderColor: "var(--line)" },
});

/** How an editor is created. */
export interface CodeEditorOptions {
  readonly root: ShadowRoot;
  readonly label: string;
  readonly text: string;
  readonly readOnly: boolean;
  readonly onInput: (text: string) => void;
  /** Ctrl+Enter and Ctrl+S, Command on a Mac. */
  readonly onSubmit: () => void;
}

/** A running editor. */
export class CodeEditor {
  readonly #options: CodeEditorOptions;
  readonly #view: EditorView;
  /** Whether the next focus comes by pointer or from the page, rather than by Tab. */
  #called = false;

  constructor(options: CodeEditorOptions) {
    this.#options = options;
    // In a shadow root the editor's styles are constructed sheets, which the page's policy allows. Outside they would
    // be inline styles, which the policy refuses.
    this.#view = new EditorView({
      root: options.root,
      parent: options.root,
      state: EditorState.create({ doc: options.text, extensions: this.#extensions() }),
    });
  }

  /** Marks the places that the compiler refused, instead of the marks before. */
  mark(diagnostics: readonly Diagnostic[]): void {
    const { state } = this.#view;
    this.#view.dispatch(
      setDiagnostics(
        state,
        diagnostics.map((one) => markOf(one, state.doc)),
      ),
    );
  }

  /** Puts the cursor at a line and column, both from 1, and the focus into the editor. */
  goTo({ line, column }: { readonly line: number; readonly column: number }): void {
    const anchor = offsetOf(this.#view.state.doc, line, column);
    this.#view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.#called = true;
    this.#view.focus();
  }

  /** Removes the editor from the page. */
  destroy(): void {
    this.#view.destroy();
  }

  #extensions(): Extension[] {
    const { label, readOnly, onInput, onSubmit } = this.#options;
    const submit = (): boolean => {
      onSubmit();
      return true;
    };
    return [
      keymap.of([
        { key: "Mod-Enter", run: submit },
        { key: "Mod-s", run: submit, preventDefault: true },
      ]),
      lineNumbers(),
      lintGutter(),
      history(),
      drawSelection(),
      highlightSpecialChars(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      bracketMatching(),
      indentOnInput(),
      indentUnit.of("  "),
      search({ top: true }),
      javascript({ typescript: true }),
      syntaxHighlighting(colours),
      look,
      keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...lintKeymap, indentWithTab]),
      EditorState.readOnly.of(readOnly),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      // A reader who enters the editor with Tab leaves it with Tab. After the first change Tab indents, until Escape.
      EditorView.domEventHandlers({
        // A browser that replaces several lines by itself copies their styles inline, which the page's policy reports.
        beforeinput: (event, view) => {
          const { state } = view;
          if (event.inputType !== "insertText" || event.data === null || view.composing) return false;
          if (state.selection.main.empty || readOnly) return false;
          event.preventDefault();
          view.dispatch(state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
          return true;
        },
        pointerdown: () => {
          this.#called = true;
        },
        focus: (_, view) => {
          view.setTabFocusMode(!this.#called);
          this.#called = false;
        },
      }),
      EditorView.updateListener.of(({ docChanged, state, view }) => {
        if (!docChanged) return;
        view.setTabFocusMode(false);
        onInput(state.doc.toString());
      }),
    ];
  }
}

/** A mark from the place to the end of its word, at least one character. */
function markOf({ line, column, message }: Diagnostic, doc: Text): Mark {
  const from = offsetOf(doc, line, column);
  const rest = doc.lineAt(from).text.slice(from - doc.lineAt(from).from);
  const word = /^\w+/.exec(rest)?.[0].length ?? 1;
  return { from, to: Math.min(doc.length, from + word), severity: "error", message };
}

function offsetOf(doc: Text, line: number, column: number): number {
  const found = doc.line(Math.max(1, Math.min(doc.lines, line)));
  return Math.min(found.to, found.from + Math.max(0, column - 1));
}
