// The Mandelbrot set as a picture: a grey BMP file, made byte by byte.

const headerBytes: u32 = 14 + 40;
const paletteBytes: u32 = 256 * 4;
const maxSide: u32 = 2_048;

/**
 * A BMP file of the set around (`x`, `y`).
 * @param width pixels, at most 2048
 * @param height pixels, at most 2048
 * @param span width of the part of the plane that is shown
 */
export function image(
  width: u32 = 320,
  height: u32 = 240,
  x: f64 = -0.6,
  y: f64 = 0,
  span: f64 = 3.2,
  iterations: u32 = 255,
): Uint8Array {
  if (width == 0 || height == 0 || width > maxSide || height > maxSide)
    throw new RangeError("a side has 1 to 2048 pixels");
  if (iterations > 10_000) throw new RangeError("at most 10,000 iterations");
  const stride = (width + 3) & ~3;
  const file = header(width, height, stride);
  const step = span / <f64>width;
  const pixels = file.dataStart + headerBytes + paletteBytes;
  for (let row: u32 = 0; row < height; row++) {
    const ci = y + (<f64>row - <f64>height / 2) * step;
    for (let column: u32 = 0; column < width; column++) {
      const cr = x + (<f64>column - <f64>width / 2) * step;
      store<u8>(pixels + row * stride + column, shade(escape(cr, ci, iterations), iterations));
    }
  }
  return file;
}

/** How many steps the point takes to leave the circle of radius 2; `iterations` when it does not. */
export function escape(cr: f64, ci: f64, iterations: u32 = 255): u32 {
  let zr: f64 = 0;
  let zi: f64 = 0;
  for (let n: u32 = 0; n < iterations; n++) {
    const rr = zr * zr;
    const ii = zi * zi;
    if (rr + ii > 4) return n;
    zi = 2 * zr * zi + ci;
    zr = rr - ii + cr;
  }
  return iterations;
}

function shade(steps: u32, iterations: u32): u8 {
  return steps == iterations ? 0 : <u8>(255 - (steps * 255) / iterations);
}

/** An 8-bit BMP with a grey palette, its pixels still black. */
function header(width: u32, height: u32, stride: u32): Uint8Array {
  const size = headerBytes + paletteBytes + stride * height;
  const file = new Uint8Array(size);
  const at = file.dataStart;
  store<u16>(at, 0x4d42);
  store<u32>(at + 2, size);
  store<u32>(at + 10, headerBytes + paletteBytes);
  store<u32>(at + 14, 40);
  store<u32>(at + 18, width);
  store<u32>(at + 22, height);
  store<u16>(at + 26, 1);
  store<u16>(at + 28, 8);
  store<u32>(at + 46, 256);
  for (let i: u32 = 0; i < 256; i++) store<u32>(at + headerBytes + i * 4, i * 0x010101);
  return file;
}
