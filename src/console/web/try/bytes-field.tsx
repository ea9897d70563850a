// The field for bytes: the content of a file, or typed base64.

import { useId } from "preact/hooks";
import { text } from "../text.ts";

/** The field; `value` is base64. */
export function BytesField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} rows={1} class="code" value={value} onInput={(event) => onChange(event.currentTarget.value)} />
      <input
        type="file"
        aria-label={text.tryIt.fileFor(label)}
        onChange={async (event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) onChange(base64Of(new Uint8Array(await file.arrayBuffer())));
        }}
      />
      <span class="quiet">{text.tryIt.bytes(byteCount(value))}</span>
    </div>
  );
}

/** Base64 of bytes, in pieces: a function call takes a limited number of arguments. */
function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}

function byteCount(base64: string): number {
  const digits = base64.replace(/[=\s]+/g, "").length;
  return Math.floor((digits * 3) / 4);
}
