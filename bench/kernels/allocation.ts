// Kernel "allocation": objects, arrays and strings that come and go, and the collector that follows them.

class Leaf {
  constructor(
    public value: u32,
    public left: Leaf | null,
    public right: Leaf | null,
  ) {}
}

/** `iterations` rounds of a tree, a list and a text; a sum over what they held. */
export function run(iterations: u32): f64 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < iterations; i++) {
    sum += sumOf(tree(5, i));
    sum += listed(i);
    sum += <u32>written(i);
  }
  return <f64>sum;
}

function tree(depth: i32, value: u32): Leaf {
  if (depth == 0) return new Leaf(value, null, null);
  return new Leaf(value, tree(depth - 1, value + 1), tree(depth - 1, value + 2));
}

function sumOf(leaf: Leaf | null): u32 {
  return leaf == null ? 0 : leaf.value + sumOf(leaf.left) + sumOf(leaf.right);
}

function listed(seed: u32): u32 {
  const list = new Array<u32>();
  for (let i: u32 = 0; i < 48; i++) list.push((seed + i) * 2654435761);
  const odd = list.filter((value) => (value & 1) == 1).map<u32>((value) => value >> 3);
  let sum: u32 = 0;
  for (let i = 0; i < odd.length; i++) sum += odd[i];
  return sum;
}

function written(seed: u32): i32 {
  const parts = new Array<string>();
  for (let i: u32 = 0; i < 8; i++) parts.push("part " + (seed + i).toString() + ";");
  const text = parts.join(" ").toUpperCase();
  return text.split(";").length + text.indexOf("7") + text.length;
}
