// SPDX-License-Identifier: GPL-2.0-or-later
// Shows how much of the program has come, and what went wrong when it does not.
export default function loading() {
  const bar = document.getElementById('loading-bar');
  const text = document.getElementById('loading-text');
  return {
    onStart() {},
    onProgress({ current, total }) {
      // The length is that of the compressed file, what arrives is not: no more than nearly all of it is claimed.
      if (total > 0) bar.value = Math.min(current / (total * UNPACKED), 0.95);
      text.textContent = `Loading the 3D view: ${(current / MEBI).toFixed(1)} MiB`;
    },
    onComplete() {},
    onSuccess() {
      bar.removeAttribute('value');
      text.textContent = 'Waiting for the cluster';
    },
    onFailure(error) {
      document.getElementById('loading').className = 'failed';
      text.textContent = `The 3D view could not be loaded (${error}). Reload the page, or use the tables.`;
    },
  };
}

const MEBI = 1048576;
const UNPACKED = 6.2;
