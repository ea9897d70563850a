// Where this package lies on disk: the place of its compiled files, guest library and samples.

/** URL of the package's root folder, with a slash at its end; this file runs as `dist/src/core/package-root.js`. */
export function packageRoot(): URL {
  return new URL("../../../", import.meta.url);
}
