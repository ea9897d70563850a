// Mutations of a component that reach what reads it: of its parts, framed anew, so that lengths are right, and of its
// interface's values.

import { readInterface } from "../../runtime/interface/section.js";
import { coreSections, firstCoreModule } from "../../runtime/sandbox/prepare/wasm-module.js";
import { coreModule, section, wrapped } from "./forge.js";
import { mutated } from "./mutations.js";

type Random = () => number;

const pick = <T>(values: readonly T[], random: Random): T | undefined => values[Math.floor(random() * values.length)];

/** The component with the text of its interface mutated. */
export function mutatedText(component: Uint8Array, random: Random): Buffer {
  const text = Buffer.from(JSON.stringify(readInterface(component)));
  return wrapped(firstCoreModule(component), { interface: mutated(text, random) });
}

/** The component with its core module mutated, or one section of it. */
export function mutatedModule(component: Uint8Array, random: Random): Buffer {
  const core = firstCoreModule(component);
  const text = Buffer.from(JSON.stringify(readInterface(component)));
  if (random() < 0.3) return wrapped(mutated(core, random), { interface: text });
  const parts = coreSections(core).filter(({ id }) => id !== 0);
  const chosen = Math.floor(random() * parts.length);
  const sections = parts.map(({ id, start, end }, index) => {
    const content = core.subarray(start, end);
    return section(id, index === chosen ? mutated(content, random) : content);
  });
  return wrapped(coreModule(sections), { interface: text });
}

const odd: readonly unknown[] = [
  ...[null, true, -1, 0, 1.5, 2 ** 53, 1e308, "", "self", "__proto__", "constructor", "a-b", "\ud800", [], {}],
  ...[{ kind: "s32" }, { kind: "u64" }, { kind: "string" }, { kind: "list", element: { kind: "u8" } }],
  ...[{ kind: "bytes" }, { kind: "char" }, { kind: "option", value: { kind: "f32" } }, { kind: "gone" }],
];

/** The component with one to four values of its interface replaced, left out, doubled or exchanged. */
export function mutatedValues(component: Uint8Array, random: Random): Buffer {
  const app: unknown = structuredClone(readInterface(component));
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
    const places = placesOf(app);
    const place = pick(places, random);
    if (place === undefined) break;
    const { holder, key } = place;
    const choice = random();
    if (choice < 0.3) holder[key] = structuredClone(pick(odd, random));
    else if (choice < 0.65) holder[key] = structuredClone(valueAt(similar(places, { place, random })));
    else if (choice < 0.8) remove(holder, key);
    else if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(holder[Number(key)]));
    else holder[String(pick(["self", "doc", "default", "extra", "kind"], random))] = structuredClone(holder[key]);
  }
  return wrapped(firstCoreModule(component), { interface: Buffer.from(JSON.stringify(app)) });
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

const valueAt = ({ holder, key }: Place): unknown => holder[key];

function placesOf(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key])]);
}

/** Another place of the same key, mostly: a type for a type, a name for a name. */
function similar(places: readonly Place[], { place, random }: { place: Place; random: Random }): Place {
  const others = places.filter(({ key }) => key === place.key);
  return pick(random() < 0.8 ? others : places, random) ?? place;
}

function remove(holder: Record<string, unknown>, key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}
