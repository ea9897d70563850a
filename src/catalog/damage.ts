// Damage of the catalog's files: reported, so that the node continues without the files and pulls them from its peers.

import type { Logger } from "../core/log.js";

/** A file that is missing or damaged, with its app where that is known; `cause` names the file. */
interface CatalogDamage {
  readonly file: string;
  readonly app: string | undefined;
  readonly cause: unknown;
}

/** Is called with each damaged file. Without such a function, damage is an error. */
export type OnDamage = (damage: CatalogDamage) => void;

/** Logs each damaged or missing file with its app: the mesh has its bytes, or the app has to be deployed again. */
export function logDamage(log: Logger): OnDamage {
  return ({ file, app, cause }) => {
    const whose = app === undefined ? "" : ` of the app ${app}`;
    log.error(`${file}${whose} is damaged or missing: it is fetched from the mesh; herd doctor tells more`, { cause });
  };
}
