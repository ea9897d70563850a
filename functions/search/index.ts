// Text search over documents that come with the call: ranked by BM25 (Robertson and Zaragoza 2009).
import { tokenize } from "./tokenize";

export { tokenize } from "./tokenize";

/** A text to search in. */
export class Document {
  id: string = "";
  text: string = "";
}

/** A document that matches, and how well. */
export class Hit {
  constructor(
    public id: string,
    public score: f64,
  ) {}
}

const saturation: f64 = 1.2;
const lengthWeight: f64 = 0.75;

/** The `limit` best documents for the words of `query`, best first; those without any of them are left out. */
export function search(documents: Array<Document>, query: string, limit: u32 = 10): Array<Hit> {
  const words = unique(tokenize(query));
  const tokens = new Array<Array<string>>(documents.length);
  let total = 0;
  for (let i = 0; i < documents.length; i++) {
    tokens[i] = tokenize(documents[i].text);
    total += tokens[i].length;
  }
  const scores = new Float64Array(documents.length);
  const meanLength = documents.length > 0 ? <f64>total / <f64>documents.length : 1;
  for (let w = 0; w < words.length; w++) addScores(scores, tokens, words[w], meanLength);
  const hits = new Array<Hit>();
  for (let i = 0; i < documents.length; i++) if (scores[i] > 0) hits.push(new Hit(documents[i].id, scores[i]));
  hits.sort((a, b) => (a.score < b.score ? 1 : a.score > b.score ? -1 : 0));
  return hits.slice(0, limit);
}

/** How often each word stands in `text`. */
export function frequencies(text: string): Map<string, u32> {
  const result = new Map<string, u32>();
  const words = tokenize(text);
  for (let i = 0; i < words.length; i++) {
    result.set(words[i], result.has(words[i]) ? result.get(words[i]) + 1 : 1);
  }
  return result;
}

function addScores(scores: Float64Array, tokens: Array<Array<string>>, word: string, meanLength: f64): void {
  const counts = new Uint32Array(tokens.length);
  let containing = 0;
  for (let i = 0; i < tokens.length; i++) {
    for (let t = 0; t < tokens[i].length; t++) if (tokens[i][t] == word) counts[i]++;
    if (counts[i] > 0) containing++;
  }
  const rarity = Math.log(1 + (<f64>tokens.length - <f64>containing + 0.5) / (<f64>containing + 0.5));
  for (let i = 0; i < tokens.length; i++) {
    const frequency = <f64>counts[i];
    const length = 1 - lengthWeight + (lengthWeight * <f64>tokens[i].length) / meanLength;
    scores[i] += (rarity * frequency * (saturation + 1)) / (frequency + saturation * length);
  }
}

function unique(words: Array<string>): Array<string> {
  const seen = new Set<string>();
  for (let i = 0; i < words.length; i++) seen.add(words[i]);
  return seen.values();
}
