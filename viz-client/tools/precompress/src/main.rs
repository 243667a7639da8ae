// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx-precompress DIR [QUALITY]`: writes FILE.br and FILE.gz beside every compressible file of a folder, so that
//! the server sends them as they lie. Of large files only these stay. QUALITY is brotli's, 0 to 11.

use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// Files above this size, in bytes, stay in their packed forms only: they go into the server's program.
const LARGE: usize = 1 << 20;
const DEFAULT_QUALITY: i32 = 9;
const COMPRESSIBLE: [&str; 6] = ["wasm", "js", "html", "css", "json", "svg"];

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let folder = arguments
        .next()
        .context("usage: mattx-precompress DIR [QUALITY]")?;
    let quality = match arguments.next() {
        Some(text) => text.parse().context("QUALITY is a number from 0 to 11")?,
        None => DEFAULT_QUALITY,
    };
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read the folder {folder}"))?
    {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| COMPRESSIBLE.contains(&extension)) {
            compress(&path, quality)
                .with_context(|| format!("cannot compress {}", path.display()))?;
        }
    }
    Ok(())
}

fn compress(path: &Path, quality: i32) -> Result<()> {
    let plain = fs::read(path)?;
    let parameters = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: 22,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut plain.as_slice(), &mut brotli, &parameters)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&plain)?;
    let gzip = gzip.finish()?;
    println!(
        "{}: {} bytes, brotli {}, gzip {}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        plain.len(),
        brotli.len(),
        gzip.len()
    );
    fs::write(format!("{}.br", path.display()), brotli)?;
    fs::write(format!("{}.gz", path.display()), gzip)?;
    if plain.len() > LARGE {
        fs::remove_file(path)?;
    }
    Ok(())
}
