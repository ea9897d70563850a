// Random valid modules with state of every kind: the text of one for each seed, which observes all of its state and
// then changes some.

/** Numbers from a seed (mulberry32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 below `sides`. */
  below(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  }

  /** One of several. */
  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  /** True once in `sides`. */
  once(sides: number): boolean {
    return this.below(sides) === 0;
  }
}

/** What the engine in use understands beside what all supported ones do. */
export interface EngineFeatures {
  /** Objects, typed references and calls by them. */
  readonly objects: boolean;
}

type Statement = (dice: Dice) => string;

const address: Statement = (dice) =>
  dice.of(["(i32.const 16)", "(i32.const 4096)", "(i32.const 65528)", `(i32.const ${dice.below(65_500)})`]);
const value: Statement = (dice) =>
  dice.of(["(local.get $n)", `(i32.const ${dice.below(1_000_000)})`, "(i32.add (local.get $h) (local.get $n))"]);
const index: Statement = (dice) => `(i32.const ${dice.below(4)})`;
const reference: Statement = (dice) => dice.of(["(ref.null func)", "(ref.func $a)", "(ref.func $b)"]);

/** What a copy of memory and numeric globals undoes. */
const undone: readonly Statement[] = [
  (dice) => `(i32.store ${address(dice)} ${value(dice)})`,
  (dice) => `(i64.store8 ${address(dice)} (i64.extend_i32_u ${value(dice)}))`,
  (dice) => `(f64.store ${address(dice)} (f64.convert_i32_s ${value(dice)}))`,
  (dice) => `(v128.store (i32.const ${dice.below(4_000) * 16}) (i32x4.splat ${value(dice)}))`,
  (dice) => `(v128.store8_lane 3 ${address(dice)} (i32x4.splat ${value(dice)}))`,
  (dice) => `(memory.fill ${address(dice)} ${value(dice)} (i32.const 7))`,
  (dice) => `(memory.copy ${address(dice)} ${address(dice)} (i32.const 5))`,
  (dice) => `(memory.init $ds ${address(dice)} (i32.const 1) (i32.const 3))`,
  (dice) => `(drop (i32.atomic.rmw.add (i32.const ${dice.below(16_000) * 4}) ${value(dice)}))`,
  (dice) => `(atomic.fence) (i64.atomic.store (i32.const ${dice.below(8_000) * 8}) (i64.extend_i32_s ${value(dice)}))`,
  (dice) => `(global.set $i ${value(dice)})`,
  (dice) => `(global.set $l (i64.extend_i32_s ${value(dice)}))`,
  (dice) => `(global.set $f (f32.convert_i32_s ${value(dice)}))`,
  (dice) => `(global.set $d (f64.reinterpret_i64 (i64.const ${dice.of(["9221120237041090561", "1", "-1"])})))`,
  (dice) => `(block $o (br_table $o $o ${value(dice)}))`,
  (dice) => `(try (do (throw $tag ${value(dice)})) (catch $tag (global.set $i)))`,
  () => "(try (do (try (do (throw $tag (i32.const 1))) (delegate 0))) (catch_all))",
  (dice) => `(drop (select (result funcref) ${reference(dice)} ${reference(dice)} (local.get $n)))`,
  (dice) =>
    `(if (ref.is_null (select (result externref) (ref.null extern) (ref.null extern) ${value(dice)}))
      (then (global.set $i ${value(dice)})))`,
  (dice) =>
    `(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 26
      (v128.const i32x4 65 38 0 ${dice.below(99)}) (v128.load (i32.const 0))))`,
  (dice) =>
    `(drop (i32.trunc_sat_f64_s (f64.const ${dice.below(9)}e300))) (drop (f32.const 3.5)) (drop (i64.const -38))`,
  (dice) => `(drop (call_indirect $t (type $ft) (i32.const ${1 + dice.below(2)})))`,
  (dice) => `(drop (call $tail ${value(dice)}))`,
];

/** What it does not. */
const lasting: readonly Statement[] = [
  (dice) => `(table.set $t ${index(dice)} ${reference(dice)})`,
  (dice) => `(drop (table.grow $t ${reference(dice)} (i32.const 1)))`,
  (dice) => `(table.fill $t ${index(dice)} ${reference(dice)} (i32.const 2))`,
  (dice) => `(table.copy $t $t ${index(dice)} ${index(dice)} (i32.const 1))`,
  (dice) => `(table.init $t $es ${index(dice)} (i32.const 0) (i32.const 2))`,
  () => "(elem.drop $es)",
  () => "(data.drop $ds)",
  (dice) => `(table.set $x ${index(dice)} (ref.null extern))`,
];

/** Functions and blocks whose types take several bytes, with a change inside and behind. */
const typed: readonly Statement[] = [
  (dice) => `(drop (block (result (ref $ft)) ${dice.of(undone)(dice)} (ref.func $a)))`,
  (dice) => `(drop (select (result (ref null $ft)) (ref.func $a) (ref.null $ft) ${value(dice)}))`,
  () => "(local.set $typed (ref.func $b)) (drop (call_ref $ft (ref.as_non_null (local.get $typed))))",
  (dice) =>
    `(drop (block $o (result (ref null $ft))
      (br_on_non_null $o (local.get $typed)) ${dice.of(undone)(dice)} (ref.null $ft)))`,
  (dice) => `(block $o (drop (br_on_null $o (local.get $typed))) ${dice.of(undone)(dice)})`,
  (dice) => `(drop (struct.get $s 0 (struct.new $s ${value(dice)})))`,
  (dice) => `(drop (array.len (array.new $r ${value(dice)} (i32.const 3))))`,
  (dice) => `(drop (i31.get_s (ref.i31 ${value(dice)})))`,
];

/** Changes of an object that a table holds since the instance was made. */
const objectChanges: readonly Statement[] = [
  (dice) => `(struct.set $s 0 (ref.cast (ref $s) (any.convert_extern (table.get $x (i32.const 0)))) ${value(dice)})`,
  (dice) =>
    `(array.set $r (ref.cast (ref $r) (any.convert_extern (table.get $x (i32.const 1)))) (i32.const 1) ${value(dice)})`,
  (dice) =>
    `(array.fill $r (ref.cast (ref $r) (any.convert_extern (table.get $x (i32.const 1))))
      (i32.const 0) ${value(dice)} (i32.const 2))`,
];

/** Everything that can be seen, into `$h`. Traps when the passive segments are gone and `dropped` says to look. */
function observe(features: EngineFeatures, { references }: { references: boolean }): string {
  const take = (what: string): string => `(local.set $h (i32.add (i32.mul (local.get $h) (i32.const 31)) ${what}))`;
  const entry = (at: number): string =>
    take(`(if (result i32) (i32.lt_u (i32.const ${at}) (table.size $t))
      (then (if (result i32) (ref.is_null (table.get $t (i32.const ${at}))) (then (i32.const 7))
        (else (call_indirect $t (type $ft) (i32.const ${at})))))
      (else (i32.const 9)))`);
  const object = `(ref.cast (ref $s) (any.convert_extern (table.get $x (i32.const 0))))`;
  const array = `(ref.cast (ref $r) (any.convert_extern (table.get $x (i32.const 1))))`;
  return `
    ${take("(memory.size)")} ${take("(global.get $i)")} ${take("(i32.wrap_i64 (global.get $l))")}
    ${take("(i32.wrap_i64 (i64.shr_u (global.get $l) (i64.const 32)))")}
    ${take("(i32.reinterpret_f32 (global.get $f))")}
    ${take("(i32.wrap_i64 (i64.reinterpret_f64 (global.get $d)))")}
    ${take("(i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 (global.get $d)) (i64.const 32)))")}
    (local.set $at (i32.mul (memory.size) (i32.const 65536)))
    (loop $words
      (local.set $at (i32.sub (local.get $at) (i32.const 4)))
      ${take("(i32.load (local.get $at))")}
      (br_if $words (local.get $at)))
    ${take("(table.size $t)")} ${[0, 1, 2, 3, 4, 5].map(entry).join("\n")}
    (memory.init $ds (i32.const 8) (i32.const 0) (i32.const 4))
    ${references ? `${take("(i32x4.extract_lane 2 (global.get $v))")} ${take("(ref.is_null (global.get $ref))")}` : ""}
    ${features.objects ? take(`(struct.get $s 0 ${object})`) : ""}
    ${features.objects ? take(`(array.get $r ${array} (i32.const 1))`) : ""}`;
}

/** What a module is made of beside its seed. */
export interface RandomModuleOptions {
  readonly features: EngineFeatures;
  /** Stands for the interface in the export's name, `herd:app/functions`. */
  readonly prefix: string;
}

/**
 * Text of the module of `seed`: it exports `f`, of one i32, which returns a digest of all state as it found and as it
 * left it.
 */
export function randomModule(seed: number, { features, prefix }: RandomModuleOptions): string {
  const dice = new Dice(seed);
  const references = dice.once(5);
  const kinds = [
    undone,
    ...(dice.once(2) ? [lasting] : []),
    ...(features.objects ? [typed] : []),
    ...(features.objects && dice.once(4) ? [objectChanges] : []),
    ...(references ? [referenceGlobals] : []),
    ...(dice.once(4) ? [growth] : []),
  ];
  const statement = (): string => {
    const one = dice.of(dice.of(kinds))(dice);
    if (dice.once(3)) return `(if (i32.and (local.get $n) (i32.const ${1 << dice.below(3)})) (then ${one}))`;
    return dice.once(4) ? `(block ${one} (nop))` : one;
  };
  const statements = Array.from({ length: 2 + dice.below(10) }, statement);
  if (dice.once(6)) statements.push(`(if (i32.eq (local.get $n) (i32.const 3)) (then (unreachable)))`);
  const locals = `(local $h i32) (local $at i32) ${features.objects ? "(local $typed (ref null $ft))" : ""}`;
  const start = dice.once(3)
    ? `(func $begin (local $n i32) ${locals} ${statement()} ${statement()}) (start $begin)`
    : "";
  const objects =
    "(elem (table $x) (i32.const 0) externref (item (extern.convert_any (struct.new $s (i32.const 5)))) " +
    "(item (extern.convert_any (array.new $r (i32.const 4) (i32.const 3)))))";
  const nan = dice.once(8) ? "nan:0x200001" : `${dice.below(99)}.5`;
  const pages = dice.once(10) ? 34 : 1 + dice.below(2);
  return `(module
    (type $ft (func (result i32)))
    ${features.objects ? "(type $s (struct (field (mut i32)))) (type $r (array (mut i32)))" : ""}
    (tag $tag (param i32))
    (memory (export "memory") ${pages} ${pages + 3})
    (table $t 4 8 funcref) (table $x 4 externref)
    (global $i (mut i32) (i32.const ${dice.below(99)})) (global $l (mut i64) (i64.const ${dice.below(99)}))
    (global $f (mut f32) (f32.const ${nan}))
    (global $d (mut f64) (f64.const ${dice.once(8) ? "-nan:0x4000000000001" : "2.5"}))
    ${references ? `(global $v (mut v128) (v128.const i32x4 1 2 3 4)) (global $ref (mut funcref) (ref.func $b))` : ""}
    (elem $active (table $t) (i32.const 1) func $a $b)
    (elem $es func $b $a)
    ${features.objects ? objects : ""}
    (data $ds "passive") (data (i32.const 24) "active") (data (i32.const ${pages * 65_536 - 4}) "end.")
    (func $a (result i32) (i32.const 11))
    (func $b (result i32) (i32.const 22))
    (func $tail (param $n i32) (result i32) (return_call $a))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    ${start}
    (func (export "${prefix}#f") (param $n i32) (result i32) ${locals}
      ${observe(features, { references })}
      ${statements.join("\n      ")}
      ${observe(features, { references })}
      (local.get $h)))`;
}

const referenceGlobals: readonly Statement[] = [
  (dice) => `(global.set $v (i32x4.splat ${value(dice)}))`,
  (dice) => `(global.set $ref ${dice.of(["(ref.null func)", "(ref.func $a)"])})`,
];

const growth: readonly Statement[] = [
  () => "(drop (memory.grow (i32.const 1)))",
  (dice) =>
    `(if (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))
      (then (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) ${value(dice)})))`,
];
