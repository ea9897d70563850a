// Records of a shop: nested classes, enums, nullable fields, maps and sets; what a JSON service does all day.

/** What became of an order. */
export enum Status {
  Open,
  Paid,
  Shipped,
  Cancelled,
}

/** One line of an order. */
export class Line {
  sku: string = "";
  quantity: u32 = 0;
  /** Price of one, in cents. */
  price: i64 = 0;
}

/** An order of a customer. */
export class Order {
  id: string = "";
  customer: string = "";
  status: Status = Status.Open;
  lines: Array<Line> = [];
  /** Percent off, if any. */
  discount: Discount | null = null;

  /** Sum of the lines less the discount, in cents. */
  total(): i64 {
    let sum: i64 = 0;
    for (let i = 0; i < this.lines.length; i++) sum += <i64>this.lines[i].quantity * this.lines[i].price;
    const discount = this.discount;
    return discount === null ? sum : sum - (sum * discount.percent) / 100;
  }

  /** Marks an open order as paid. */
  pay(): void {
    if (this.status != Status.Open) throw new Error(`order ${this.id} is not open`);
    this.status = Status.Paid;
  }
}

/** A rebate on a whole order. */
export class Discount {
  code: string = "";
  percent: u8 = 0;
}

/** Orders seen as a whole. */
export class Summary {
  orders: u32 = 0;
  /** In cents; cancelled orders do not count. */
  revenue: i64 = 0;
  /** Orders by status, by the status's name. */
  byStatus: Map<string, u32> = new Map<string, u32>();
  customers: Set<string> = new Set<string>();
  /** The order with the highest total. */
  largest: Order | null = null;
}

const statusNames: StaticArray<string> = ["open", "paid", "shipped", "cancelled"];

/** Sums up `orders`. */
export function summarize(orders: Array<Order>): Summary {
  const summary = new Summary();
  let most: i64 = -1;
  for (let i = 0; i < orders.length; i++) {
    const order = orders[i];
    const total = order.total();
    const name = statusNames[order.status];
    summary.orders++;
    summary.byStatus.set(name, summary.byStatus.has(name) ? summary.byStatus.get(name) + 1 : 1);
    summary.customers.add(order.customer);
    if (order.status != Status.Cancelled) summary.revenue += total;
    if (total > most) {
      most = total;
      summary.largest = order;
    }
  }
  return summary;
}

/** The orders of `status`, the highest total first. */
export function withStatus(orders: Array<Order>, status: Status = Status.Open, limit: u32 = 10): Array<Order> {
  const found = new Array<Order>();
  for (let i = 0; i < orders.length; i++) if (orders[i].status == status) found.push(orders[i]);
  found.sort((a, b) => (a.total() < b.total() ? 1 : a.total() > b.total() ? -1 : 0));
  return found.slice(0, limit);
}
