// One value of the form: a field for a scalar, a group of fields for a value that holds others.

import { useId } from "preact/hooks";
import { text } from "../text.ts";
import { BytesField } from "./bytes-field.tsx";
import { type Draft, exampleOf, type FieldType, misfitOf, nextId } from "./field-types.ts";

/** The properties of every field. */
export interface FieldProps<Type extends FieldType = FieldType> {
  readonly label: string;
  readonly doc?: string | undefined;
  readonly type: Type;
  readonly value: Draft;
  readonly onChange: (value: Draft) => void;
}

/** The field of a value. */
export function ValueField(props: FieldProps) {
  const { type, value } = props;
  if (type.kind === "option") return <OptionField {...props} type={type} />;
  if (type.kind === "list") return <ListField {...props} type={type} />;
  if (type.kind === "map") return <MapField {...props} type={type} />;
  if (type.kind === "record") return <RecordGroup {...props} type={type} />;
  if (type.kind === "bool") return <BoolField {...props} />;
  if (type.kind === "bytes") {
    return <BytesField label={props.label} value={typeof value === "string" ? value : ""} onChange={props.onChange} />;
  }
  return <ScalarField {...props} />;
}

function BoolField({ label, doc, value, onChange }: FieldProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label} {doc !== undefined && <span class="quiet">{doc}</span>}
    </label>
  );
}

function ScalarField({ label, doc, type, value, onChange }: FieldProps) {
  const id = useId();
  const typed = typeof value === "string" ? value : "";
  const misfit = misfitOf(type, typed);
  const shared = { id, value: typed, "aria-describedby": `${id}-hint` };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type.kind === "enum" && (
        <select {...shared} onChange={(event) => onChange(event.currentTarget.value)}>
          {type.members.map((member) => (
            <option key={member} value={member}>
              {member}
            </option>
          ))}
        </select>
      )}
      {type.kind === "string" && (
        <textarea {...shared} rows={1} onInput={(event) => onChange(event.currentTarget.value)} />
      )}
      {type.kind !== "enum" && type.kind !== "string" && (
        <input
          {...shared}
          class="numeric"
          inputmode={type.kind === "float" ? "decimal" : "numeric"}
          autocomplete="off"
          aria-invalid={misfit !== undefined}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      <span id={`${id}-hint`} class={misfit === undefined ? "quiet" : "bad"}>
        {misfit ?? doc ?? hintOf(type)}
      </span>
    </div>
  );
}

function hintOf(type: FieldType): string {
  if (type.kind !== "integer" || type.minimum === undefined || type.maximum === undefined) {
    return text.tryIt.kinds[type.kind];
  }
  return text.tryIt.range(type.minimum, type.maximum);
}

function OptionField(props: FieldProps<Extract<FieldType, { kind: "option" }>>) {
  const { label, type, value, onChange } = props;
  return (
    <div class="option">
      <label class="check">
        <input
          type="checkbox"
          checked={value !== null}
          onChange={(event) => onChange(event.currentTarget.checked ? exampleOf(type.value) : null)}
        />
        {text.tryIt.given(label)}
        {value === null && <code class="quiet">null</code>}
      </label>
      {value !== null && <ValueField {...props} type={type.value} />}
    </div>
  );
}

function ListField({ label, doc, type, value, onChange }: FieldProps<Extract<FieldType, { kind: "list" }>>) {
  const list = typeof value === "object" && value !== null && "list" in value ? value.list : [];
  return (
    <fieldset>
      <legend>
        {label} <span class="quiet">{text.tryIt.entries(list.length)}</span>
      </legend>
      {doc !== undefined && <p class="quiet doc">{doc}</p>}
      {list.map((entry, index) => (
        <div class="entry" key={entry.id}>
          <ValueField
            label={`${label}[${index}]`}
            type={type.element}
            value={entry.value}
            onChange={(changed) =>
              onChange({ list: list.map((one) => (one.id === entry.id ? { id: one.id, value: changed } : one)) })
            }
          />
          <RemoveButton
            entry={`${label}[${index}]`}
            onClick={() => onChange({ list: list.filter(({ id }) => id !== entry.id) })}
          />
        </div>
      ))}
      <AddButton
        list={label}
        onClick={() => onChange({ list: [...list, { id: nextId(), value: exampleOf(type.element) }] })}
      />
    </fieldset>
  );
}

function MapField({ label, doc, type, value, onChange }: FieldProps<Extract<FieldType, { kind: "map" }>>) {
  const pairs = typeof value === "object" && value !== null && "pairs" in value ? value.pairs : [];
  const change = (id: number, part: { readonly key?: string; readonly value?: Draft }): void =>
    onChange({ pairs: pairs.map((pair) => (pair.id === id ? { ...pair, ...part } : pair)) });
  return (
    <fieldset>
      <legend>
        {label} <span class="quiet">{text.tryIt.entries(pairs.length)}</span>
      </legend>
      {doc !== undefined && <p class="quiet doc">{doc}</p>}
      {pairs.map((pair) => (
        <div class="entry" key={pair.id}>
          <label class="field">
            {text.tryIt.key}
            <input value={pair.key} onInput={(event) => change(pair.id, { key: event.currentTarget.value })} />
          </label>
          <ValueField
            label={`${label}.${pair.key}`}
            type={type.value}
            value={pair.value}
            onChange={(changed) => change(pair.id, { value: changed })}
          />
          <RemoveButton
            entry={`${label}.${pair.key}`}
            onClick={() => onChange({ pairs: pairs.filter(({ id }) => id !== pair.id) })}
          />
        </div>
      ))}
      <AddButton
        list={label}
        onClick={() =>
          onChange({
            pairs: [...pairs, { id: nextId(), key: `key${pairs.length + 1}`, value: exampleOf(type.value) }],
          })
        }
      />
    </fieldset>
  );
}

function RecordGroup({ label, doc, type, value, onChange }: FieldProps<Extract<FieldType, { kind: "record" }>>) {
  const fields = typeof value === "object" && value !== null && "fields" in value ? value.fields : {};
  return (
    <fieldset>
      <legend>
        {label} <span class="quiet">{type.name}</span>
      </legend>
      {doc !== undefined && <p class="quiet doc">{doc}</p>}
      {type.fields.map((field) => (
        <ValueField
          key={field.name}
          label={field.name}
          doc={field.doc}
          type={field.type}
          value={fields[field.name] ?? null}
          onChange={(changed) => onChange({ fields: { ...fields, [field.name]: changed } })}
        />
      ))}
    </fieldset>
  );
}

function RemoveButton({ entry, onClick }: { readonly entry: string; readonly onClick: () => void }) {
  return (
    <button type="button" class="small" aria-label={text.tryIt.removeEntry(entry)} onClick={onClick}>
      {text.tryIt.remove}
    </button>
  );
}

function AddButton({ list, onClick }: { readonly list: string; readonly onClick: () => void }) {
  return (
    <button type="button" class="small" aria-label={text.tryIt.addTo(list)} onClick={onClick}>
      {text.tryIt.add}
    </button>
  );
}
