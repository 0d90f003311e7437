/** Whether the portal takes a picture (contract imbot §5.1, 6.3). Pure. */

const MAX_SIDE = 5000;

interface ImageTrouble {
  code: 'avatar_not_an_image' | 'avatar_too_large';
  detail: string;
}

/** The portal takes what is no image as "remove the picture", so it never gets there. Undefined: nothing is wrong. */
export function imageTrouble(base64: string): ImageTrouble | undefined {
  const bytes = Buffer.from(base64, 'base64');
  const size = png(bytes) ?? gif(bytes) ?? bmp(bytes) ?? webp(bytes) ?? jpeg(bytes);
  if (!size) return { code: 'avatar_not_an_image', detail: 'the avatar is not a PNG, JPEG, GIF, WebP or BMP' };
  const [width, height] = size;
  if (width <= MAX_SIDE && height <= MAX_SIDE) return undefined;
  return { code: 'avatar_too_large', detail: `the avatar is larger than ${MAX_SIDE} x ${MAX_SIDE} points` };
}

type Size = readonly [width: number, height: number];

const startsWith = (bytes: Buffer, hex: string, at = 0): boolean =>
  bytes.subarray(at, at + hex.length / 2).toString('hex') === hex;

/** Of a picture cut off before its size the portal reads what it can: the kind decides. */
const sized = (bytes: Buffer, needed: number, read: () => Size): Size => (bytes.length >= needed ? read() : [0, 0]);

const png = (bytes: Buffer): Size | undefined =>
  startsWith(bytes, '89504e470d0a1a0a')
    ? sized(bytes, 24, () => [bytes.readUInt32BE(16), bytes.readUInt32BE(20)])
    : undefined;

const gif = (bytes: Buffer): Size | undefined =>
  startsWith(bytes, '47494638') ? sized(bytes, 10, () => [bytes.readUInt16LE(6), bytes.readUInt16LE(8)]) : undefined;

const bmp = (bytes: Buffer): Size | undefined =>
  startsWith(bytes, '424d')
    ? sized(bytes, 26, () => [Math.abs(bytes.readInt32LE(18)), Math.abs(bytes.readInt32LE(22))])
    : undefined;

/** Only the extended form tells its canvas in one place; the others are at most 16383 points by their format. */
function webp(bytes: Buffer): Size | undefined {
  if (!startsWith(bytes, '52494646') || !startsWith(bytes, '57454250', 8)) return undefined;
  if (startsWith(bytes, '56503858', 12))
    return sized(bytes, 30, () => [1 + bytes.readUIntLE(24, 3), 1 + bytes.readUIntLE(27, 3)]);
  if (startsWith(bytes, '56503820', 12))
    return sized(bytes, 30, () => [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff]);
  if (startsWith(bytes, '5650384c', 12))
    return sized(bytes, 25, () => {
      const bits = bytes.readUInt32LE(21);
      return [1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff)];
    });
  return [0, 0];
}

/** The size stands in the frame header, behind any number of other segments. */
function jpeg(bytes: Buffer): Size | undefined {
  if (!startsWith(bytes, 'ffd8ff')) return undefined;
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
  }
  return [0, 0];
}
