// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at pictures: how much two of them differ in brightness, which is what shapes make whatever the colours.

/** Grey values of a part of a picture, scaled to `width` × `height`; decoded by the browser. */
export function greys(page, png, { x, y, w, h }, width = 48, height = 72) {
  return page.evaluate(async ({ data, x, y, w, h, width, height }) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    context.drawImage(image, x, y, w, h, 0, 0, width, height);
    const { data: rgba } = context.getImageData(0, 0, width, height);
    const grey = [];
    for (let i = 0; i < rgba.length; i += 4) grey.push(0.3 * rgba[i] + 0.59 * rgba[i + 1] + 0.11 * rgba[i + 2]);
    return grey;
  }, { data: png.toString('base64'), x, y, w, h, width, height });
}

/** Mean difference of two such, 0 to 255. */
export function difference(a, b) {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;
}
