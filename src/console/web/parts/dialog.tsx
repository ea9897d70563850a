// Modal dialogs: they hold the focus, and Escape closes them.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { text } from "../text.ts";
import { ProblemBox } from "./problem-box.tsx";

/** A modal dialog, open while it is mounted. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Asks before an action that cannot be undone. The dialog stays open and shows the problem when the action fails. */
export function Confirm({
  title,
  detail,
  verb,
  act,
  onClose,
  children,
}: {
  readonly title: string;
  readonly detail: string;
  readonly verb: string;
  readonly act: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
      onClose();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{detail}</p>
      {children}
      {problem !== undefined && <ProblemBox error={problem} />}
      <div class="actions end">
        <button type="button" onClick={onClose}>
          {text.dialog.cancel}
        </button>
        <button type="button" class="danger" disabled={busy} onClick={confirm}>
          {verb}
        </button>
      </div>
    </Dialog>
  );
}
