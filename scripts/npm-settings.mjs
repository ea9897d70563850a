// This machine's npm settings as one file without references: for an npm that runs elsewhere, in the build of an image.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What reaches the registry, besides credentials. */
const settings = ["registry", "https-proxy", "proxy", "noproxy", "strict-ssl"];

/**
 * The text of an npmrc: the registry's address, the certificates to trust, and the credentials there. The text may hold
 * secrets: keep it private.
 */
export function npmSettings({ get = npmConfig, read = readText } = {}) {
  const lines = settings.flatMap((name) => {
    const value = get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  const cafile = get("cafile");
  const certificates =
    cafile === undefined
      ? []
      : (read(cafile).match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? []);
  const trusted = certificates.map((pem) => `ca[]=${JSON.stringify(pem.replaceAll("\r", ""))}`);
  const userconfig = get("userconfig");
  const credentials = userconfig === undefined ? [] : read(userconfig).split(/\r?\n/);
  return `${[...lines, ...trusted, ...credentials.filter((line) => line.startsWith("//"))].join("\n")}\n`;
}

function npmConfig(name) {
  const { stdout, status } = spawnSync("npm", ["config", "get", name], { encoding: "utf8" });
  const value = stdout?.trim();
  return status !== 0 || value === "" || value === "null" || value === "undefined" ? undefined : value;
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
