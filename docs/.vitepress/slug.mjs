// Anchors of headings, as GitHub makes them: the same link works on the site and in the repository.

/** The anchor of a heading's text: lower case, hyphens for spaces, no punctuation. */
export function slug(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
