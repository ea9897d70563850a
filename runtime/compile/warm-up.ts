// A source that uses much of the language and the library, for a compiler process that has compiled nothing yet.

/** Text of an upload. The engine optimizes the code of the compiler that a usual upload needs as it compiles this. */
export const warmUpSource = `
  export enum Kind { First, Second = 5 }
  export class Item {
    name: string = "";
    weight: f64 = 0;
    count: i64 = 1;
    kind: Kind = Kind.First;
    tags: string[] = [];
  }
  class Node<T> { next: Node<T> | null = null; constructor(public value: T) {} }
  class Chain<T> {
    private first: Node<T> | null = null;
    length: i32 = 0;
    add(value: T): this {
      const node = new Node<T>(value);
      node.next = this.first;
      this.first = node;
      this.length++;
      return this;
    }
  }
  abstract class Shape { abstract area(): f64; }
  class Circle extends Shape {
    constructor(private r: f64) { super(); }
    area(): f64 { return Math.PI * this.r * this.r; }
  }
  class Square extends Shape { constructor(private a: f64) { super(); } area(): f64 { return this.a ** 2; } }
  const limits: StaticArray<u32> = [1, 10, 100];
  /** Sums up. */
  export function weigh(items: Array<Item>, factor: f64 = 1.5): Map<string, f64> {
    const sums = new Map<string, f64>();
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (item.weight < 0) throw new RangeError("the weight of " + item.name + " is negative");
      const before = sums.has(item.name) ? sums.get(item.name) : 0;
      sums.set(item.name, before + item.weight * factor * <f64>item.count);
    }
    return sums;
  }
  export function heaviest(items: Array<Item>, limit: u32 = 10): Array<Item> {
    const sorted = items.filter((item) => item.kind == Kind.First && item.tags.length > 0);
    sorted.sort((a, b) => <i32>(b.weight - a.weight));
    return sorted.slice(0, <i32>limit);
  }
  export function words(text: string): Set<string> {
    const found = new Set<string>();
    const parts = text.toLowerCase().trim().split(" ");
    for (let i = 0; i < parts.length; i++) if (parts[i].length > 2) found.add(parts[i].replace(",", ""));
    return found;
  }
  export function checksum(bytes: Uint8Array): u64 {
    let hash: u64 = 0xcbf29ce484222325;
    for (let i = 0; i < bytes.length; i++) hash = (hash ^ bytes[i]) * 0x100000001b3;
    return rotl(hash, 7);
  }
  export function table(rows: i32, text: string | null = null): string {
    const lines = new Array<string>();
    const chain = new Chain<i32>().add(1).add(rows);
    const shapes: Shape[] = [new Circle(1), new Square(2)];
    for (let row = 0; row < rows; row++) {
      const area = shapes[row % shapes.length].area();
      const end = (text ? text : "") + limits[row % 3].toString();
      lines.push(row.toString().padStart(4, " ") + ": " + area.toString() + end);
    }
    return lines.join("\\n") + chain.length.toString() + parseInt("42").toString();
  }
  export function matrix(a: Float64Array, size: i32): Float64Array {
    const result = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        let sum = 0.0;
        for (let k = 0; k < size; k++) sum += unchecked(a[i * size + k]) * unchecked(a[k * size + j]);
        result[i * size + j] = sum;
      }
    return result;
  }
`;
