// The repository's outside face: workflows that run what exists with least rights, forms that parse, a changelog in
// form.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { packageRoot } from "../../src/core/package-root.js";
import { readText } from "../source-tree.js";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly needs?: string | readonly string[];
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly (string | number)[]>> };
}

interface Workflow {
  readonly name: string;
  readonly on: unknown;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly repository: { readonly url: string };
}

interface Requirements {
  unsupported(machine: { node: string; platform: string }): string | undefined;
}

interface ReleaseNotes {
  notesOf(changelog: string, version: string): string;
  versionOf(tag: string, manifest: { version: string }): string;
}

const load = (name: string): Promise<unknown> => import(new URL(`scripts/${name}`, packageRoot()).href);
const { unsupported } = (await load("requirements.mjs")) as Requirements;
const { notesOf, versionOf } = (await load("release-notes.mjs")) as ReleaseNotes;

const manifest = JSON.parse(readText("package.json")) as Manifest;
const workflows = namesIn(".github/workflows").map((name) => ({ name, text: readText(`.github/workflows/${name}`) }));
const parsed = workflows.map(({ name, text }) => ({ name, workflow: parse(text) as Workflow }));
const jobs = parsed.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([job, value]) => ({ place: `${name}: ${job}`, job: value })),
);
const steps = jobs.flatMap(({ place, job }) => (job.steps ?? []).map((step) => ({ place, step })));

/** Rights to write, each with the one job that has it. */
const writers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "release.yml: npm": { "id-token": "write" },
  "release.yml: github": { contents: "write" },
};

/** Majors of Node that run Wasmherd. */
const supported = Array.from({ length: 31 }, (_, major) => major).filter(
  (major) => unsupported({ node: `${major}.99.0`, platform: "darwin" }) === undefined,
);

function namesIn(folder: string): string[] {
  return readdirSync(fileURLToPath(new URL(folder, packageRoot()))).sort();
}

test("every workflow parses, and its jobs end: each has a limit of time, and waits for jobs that exist", () => {
  assert.deepEqual(
    workflows.map(({ name }) => name),
    ["ci.yml", "nightly.yml", "release.yml"],
  );
  for (const { name, workflow } of parsed) {
    assert.ok(workflow.name && workflow.on, name);
    for (const job of Object.values(workflow.jobs))
      for (const needed of [job.needs ?? []].flat()) assert.ok(workflow.jobs[needed], `${name}: ${needed}`);
  }
  for (const { place, job } of jobs) {
    const called = job.uses === undefined ? undefined : job.uses.replace(/^\.\//, "");
    if (called !== undefined) assert.ok(existsSync(new URL(called, packageRoot())), called);
    else assert.ok((job["timeout-minutes"] ?? 0) > 0, place);
  }
});

test("every npm script and every script that a workflow runs exists", () => {
  const commands = steps.flatMap(({ step }) => step.run ?? []);
  const called = commands.flatMap((command) =>
    Array.from(command.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g), (match) => match[1] ?? match[2] ?? ""),
  );
  for (const script of ["check", "test", "test:pack", "package", "test:faults"])
    assert.ok(called.includes(script), script);
  assert.deepEqual(
    called.filter((script) => manifest.scripts[script] === undefined),
    [],
  );
  const files = commands.flatMap((command) => Array.from(command.matchAll(/\bnode (\S+)/g), ([, path = ""]) => path));
  assert.ok(files.length > 0, `${files.length}`);
  for (const path of files) assert.ok(existsSync(new URL(path, packageRoot())), path);
});

test("a workflow may only read; one job publishes to npm and one makes the release, with one right each", () => {
  for (const { name, workflow } of parsed) assert.deepEqual(workflow.permissions, { contents: "read" }, name);
  for (const { place, job } of jobs) assert.deepEqual(job.permissions ?? {}, writers[place] ?? {}, place);
  // A job that can write runs nothing of the repository: no checkout, no install.
  for (const { place, step } of steps)
    if (writers[place] !== undefined)
      assert.ok(!/checkout/.test(step.uses ?? "") && !/npm (ci|run)/.test(step.run ?? ""), JSON.stringify(step));
});

test("actions are pinned by commit, each to one, and keep no credentials", () => {
  const used = workflows.flatMap(({ text }) =>
    Array.from(text.matchAll(/uses: (?!\.\/)(.*)$/gm), ([, action = ""]) => action),
  );
  assert.ok(used.length > 5, `${used.length}`);
  for (const action of used) assert.match(action, /^actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  const names = new Set(used.map((action) => action.split("@")[0]));
  assert.equal(new Set(used).size, names.size);
  for (const { place, step } of steps)
    if (/^actions\/checkout@/.test(step.uses ?? "")) assert.equal(step.with?.["persist-credentials"], false, place);
});

test("no command is made of what an event brings", () => {
  for (const { place, step } of steps) assert.doesNotMatch(step.run ?? "", /\$\{\{/, place);
});

test("the suites run on each supported Node and each system; the tools' files name one of them", () => {
  const matrix = parsed.find(({ name }) => name === "ci.yml")?.workflow.jobs.test?.strategy?.matrix;
  assert.deepEqual(matrix?.node, supported);
  assert.deepEqual(
    matrix?.system?.map((system) => String(system).replace(/-.*/, "")),
    ["ubuntu", "macos", "windows"],
  );
  for (const path of [".node-version", ".nvmrc"]) assert.ok(supported.includes(Number(readText(path))), path);
  const { image } = JSON.parse(readText(".devcontainer/devcontainer.json")) as { image: string };
  assert.match(image, new RegExp(`^node:(${supported.join("|")})-trixie$`));
});

test("issue forms and updates have what the forge asks for", () => {
  const folder = ".github/ISSUE_TEMPLATE";
  const names = namesIn(folder);
  assert.deepEqual(names, ["config.yml", "defect.yml", "proposal.yml"]);
  for (const name of names.filter((one) => one !== "config.yml")) {
    const form = parse(readText(`${folder}/${name}`)) as {
      name: string;
      description: string;
      body: readonly {
        type: string;
        id?: string;
        attributes: { label?: string; value?: string; options?: unknown[] };
      }[];
    };
    assert.ok(form.name && form.description && form.body.length > 0, name);
    const ids = form.body.flatMap(({ id }) => id ?? []);
    assert.equal(new Set(ids).size, ids.length, name);
    for (const { type, attributes } of form.body) {
      assert.match(type, /^(markdown|textarea|dropdown|input|checkboxes)$/);
      assert.ok(type === "markdown" ? attributes.value : attributes.label, name);
      assert.equal(type === "dropdown", attributes.options !== undefined);
    }
  }
  const updates = (parse(readText(".github/dependabot.yml")) as { updates: readonly Record<string, string>[] }).updates;
  for (const { directory = "", "package-ecosystem": kind } of updates) {
    assert.match(String(kind), /^(npm|github-actions|docker)$/);
    assert.ok(existsSync(new URL(`.${directory}`, packageRoot())), directory);
  }
});

test("every link to the repository is of the address that package.json names", () => {
  const address = manifest.repository.url.replace(/^git\+(.*)\.git$/, "$1");
  const linked = ["CODE_OF_CONDUCT.md", "SUPPORT.md", "CHANGELOG.md", ".github/ISSUE_TEMPLATE/config.yml"];
  for (const path of linked) {
    const links = readText(path).match(/https:\/\/github\.com\/[\w.-]+\/[\w.-]+/g) ?? [];
    const own = links.filter((link) => link !== "https://github.com/mozilla/diversity");
    assert.ok(own.length > 0 && own.every((link) => link === address), `${path}: ${own.join(", ")}`);
  }
  const config = parse(readText(".github/ISSUE_TEMPLATE/config.yml")) as { contact_links: readonly { url: string }[] };
  const ways = config.contact_links.map(({ url }) => url.slice(address.length));
  assert.deepEqual(ways, ["/security/advisories/new", "/discussions"]);
});

test("the pages beside the README link to files that exist", () => {
  for (const path of ["CODE_OF_CONDUCT.md", "SUPPORT.md", "CHANGELOG.md"]) {
    const links = Array.from(readText(path).matchAll(/\]\((?!https:)([^)#]+)/g), ([, link = ""]) => link);
    assert.ok(links.length > 0, path);
    for (const link of links) assert.ok(existsSync(new URL(link, packageRoot())), `${path}: ${link}`);
  }
});

test("the changelog names what is unreleased and every version with its date, newest first", () => {
  const text = readText("CHANGELOG.md");
  const headings = Array.from(text.matchAll(/^## (.*)$/gm), ([, heading = ""]) => heading);
  assert.equal(headings[0], "[Unreleased]");
  for (const heading of headings.slice(1)) assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/);
  const dates = headings.slice(1).map((heading) => heading.slice(-10));
  assert.deepEqual(dates, dates.toSorted().reverse());
  const kinds = Array.from(text.matchAll(/^### (.*)$/gm), ([, kind = ""]) => kind);
  for (const kind of kinds) assert.match(kind, /^(Added|Changed|Deprecated|Removed|Fixed|Security)$/);
  for (const heading of headings) {
    const name = /\[(.*)\]/.exec(heading)?.[1];
    assert.ok(text.includes(`\n[${name}]: https://`), `${name} has a link`);
  }
  assert.ok(
    headings.some((heading) => heading.startsWith(`[${manifest.version}] `)),
    manifest.version,
  );
});

test("a release takes its notes from the changelog, and its tag has to be the version", () => {
  const changelog =
    "# C\n\n## [Unreleased]\n\n- new\n\n" +
    "## [1.2.3] - 2026-01-02\n\n### Added\n\n- a\n\n## [1.2.2] - 2026-01-01\n\n- b\n";
  assert.equal(notesOf(changelog, "1.2.3"), "### Added\n\n- a\n");
  assert.throws(() => notesOf(changelog, "1.2.4"), /no "## \[1\.2\.4\]/);
  assert.throws(() => notesOf(changelog.replace("2026-01-02", "soon"), "1.2.3"), /YYYY-MM-DD/);
  assert.equal(versionOf("v1.2.3", { version: "1.2.3" }), "1.2.3");
  assert.throws(() => versionOf("v1.2.4", { version: "1.2.3" }), /is not v1\.2\.3/);
  assert.ok(
    notesOf(readText("CHANGELOG.md"), manifest.version).length > 100,
    `${notesOf(readText("CHANGELOG.md"), manifest.version).length}`,
  );
});
