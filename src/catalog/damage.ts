// Files of the catalog that are not what was written: told, so that the node goes on without them and gets them from
// its peers.

/** A file that is missing or damaged, with its app where that is known; `cause` names the file. */
export interface CatalogDamage {
  readonly file: string;
  readonly app: string | undefined;
  readonly cause: unknown;
}

/** Hears of damage. Where nobody does, damage is an error. */
export type OnDamage = (damage: CatalogDamage) => void;
