// Statistics of a CSV table (RFC 4180): quoted fields, doubled quotes, either line ending.

/** What one column of numbers holds. */
export class ColumnStatistics {
  count: u32 = 0;
  /** Cells that are no number. */
  skipped: u32 = 0;
  min: f64 = Infinity;
  max: f64 = -Infinity;
  mean: f64 = 0;
  /** Standard deviation of the sample. */
  deviation: f64 = 0;
}

/**
 * Statistics of every column, by the name in the table's first row.
 * @param csv the table, its first row the names of its columns
 * @param separator what stands between two cells
 */
export function statistics(csv: string, separator: string = ","): Map<string, ColumnStatistics> {
  const rows = parse(csv, separator);
  const result = new Map<string, ColumnStatistics>();
  if (rows.length == 0) return result;
  const names = rows[0];
  for (let column = 0; column < names.length; column++) result.set(names[column], columnOf(rows, column));
  return result;
}

/** The table as rows of cells. */
export function parse(csv: string, separator: string = ","): Array<Array<string>> {
  if (separator.length != 1) throw new Error("the separator is one character");
  const mark = separator.charCodeAt(0);
  const rows = new Array<Array<string>>();
  let row = new Array<string>();
  let cell = "";
  let quoted = false;
  for (let i = 0; i < csv.length; i++) {
    const code = csv.charCodeAt(i);
    if (quoted) {
      if (code != 0x22) cell += csv.charAt(i);
      else if (csv.charCodeAt(i + 1) == 0x22) cell += csv.charAt(++i);
      else quoted = false;
    } else if (code == 0x22) {
      quoted = true;
    } else if (code == mark) {
      row.push(cell);
      cell = "";
    } else if (code == 0x0a) {
      row.push(cell);
      rows.push(row);
      row = new Array<string>();
      cell = "";
    } else if (code != 0x0d) {
      cell += csv.charAt(i);
    }
  }
  if (quoted) throw new Error("a quoted cell does not end");
  if (cell.length > 0 || row.length > 0) {
    row.push(cell);
    rows.push(row);
  }
  return rows;
}

/** Welford's algorithm: one pass, no loss of precision by large sums. */
function columnOf(rows: Array<Array<string>>, column: i32): ColumnStatistics {
  const result = new ColumnStatistics();
  let squares: f64 = 0;
  for (let i = 1; i < rows.length; i++) {
    const text = column < rows[i].length ? rows[i][column].trim() : "";
    const value = text.length > 0 ? parseFloat(text) : NaN;
    if (isNaN(value)) {
      result.skipped++;
      continue;
    }
    result.count++;
    result.min = Math.min(result.min, value);
    result.max = Math.max(result.max, value);
    const before = value - result.mean;
    result.mean += before / <f64>result.count;
    squares += before * (value - result.mean);
  }
  if (result.count > 1) result.deviation = Math.sqrt(squares / <f64>(result.count - 1));
  return result;
}
