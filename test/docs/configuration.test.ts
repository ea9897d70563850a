// The page of the configuration names each setting with the default and the bounds of the code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/core/config.js";
import { readText } from "../source-tree.js";
import { rowsBelow } from "./markdown.js";

interface Setting {
  readonly name: string;
  readonly standard: string;
  readonly values: string;
}

const page = readText("docs/reference/configuration.md");
const settings: readonly Setting[] = rowsBelow(page, "Settings").map(([name = "", standard = "", values = ""]) => ({
  name: name.replaceAll("`", ""),
  standard,
  values,
}));

/** What a configuration has beside settings. */
const noSettings = ["nameGiven"];

test("every setting is documented, and nothing else", async () => {
  const config = await loadConfig({ contained: false });
  const names = Object.entries(config).flatMap(([name, value]) =>
    name === "limits" || name === "policy" || name === "kernel"
      ? Object.keys(value as object).map((inner) => `${name}.${inner}`)
      : [name],
  );
  assert.deepEqual(settings.map(({ name }) => name).sort(), names.filter((name) => !noSettings.includes(name)).sort());
});

test("a default that is written as code is the default", async () => {
  const config = await loadConfig({ contained: false });
  const checked = settings.flatMap(({ name, standard }) => {
    const text = /^`([^`]+)`/.exec(standard)?.[1];
    if (text === undefined) return [];
    assert.deepEqual(JSON.parse(text), valueAt(config, name), name);
    return [name];
  });
  const made = settings.map(({ name }) => name).filter((name) => !checked.includes(name));
  // These follow from the machine, from another setting, or are absent.
  const without = [
    "name",
    "door",
    "advertise",
    "peerPort",
    "join",
    "token",
    "rootPassphraseFile",
    "workers",
    "functions",
    "state",
  ];
  assert.deepEqual(made.sort(), without.sort());
});

test("both bounds of a number are accepted, and what is beyond them is refused", async () => {
  let numbers = 0;
  for (const { name, values } of settings) {
    const match = /^([\d.,]+) to ([\d.,]+)/.exec(values);
    if (match === null) continue;
    numbers++;
    const [least = 0, most = 0] = match.slice(1).map((text) => Number(text.replaceAll(",", "")));
    const step = Number.isInteger(least) && most > 1.5 ? 1 : 0.001;
    for (const value of [least, most]) assert.equal(await isAccepted(name, value), true, `${name}: ${value}`);
    for (const value of [least - step, most + step])
      assert.equal(await isAccepted(name, value), false, `${name}: ${value}`);
  }
  assert.ok(numbers > 20, `${numbers} numbers have bounds in the page`);
});

async function isAccepted(name: string, value: number): Promise<boolean> {
  const [outer = "", inner] = name.split(".");
  const flags = inner === undefined ? { [outer]: value } : { [outer]: { [inner]: value } };
  return loadConfig({ flags, contained: false }).then(
    () => true,
    () => false,
  );
}

function valueAt(config: object, name: string): unknown {
  return name.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config);
}
