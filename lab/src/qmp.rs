// SPDX-License-Identifier: GPL-2.0-or-later
//! A word to QEMU itself, over its machine protocol.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Context, Error, Result};

/// QEMU answers at once or hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Executes one command without arguments, e.g. `stop` or `cont`.
pub(crate) fn execute(socket: &Path, command: &str) -> Result<()> {
    let what = || format!("cannot tell QEMU to {command}");
    let mut stream = UnixStream::connect(socket).context(what)?;
    stream.set_read_timeout(Some(PATIENCE)).context(what)?;
    let mut reader = BufReader::new(stream.try_clone().context(what)?);
    for command in ["qmp_capabilities", command] {
        let mut line = json!({ "execute": command }).to_string();
        line.push('\n');
        stream.write_all(line.as_bytes()).context(what)?;
        loop {
            let mut answer = String::new();
            if reader.read_line(&mut answer).context(what)? == 0 {
                return Err(Error::Usage(format!(
                    "{}: QEMU closed the connection",
                    what()
                )));
            }
            let answer: Value = serde_json::from_str(&answer)
                .map_err(|error| Error::Usage(format!("{}: {error}", what())))?;
            if answer.get("return").is_some() {
                break;
            }
            if let Some(error) = answer.get("error") {
                return Err(Error::Usage(format!("{}: {error}", what())));
            }
            // Greeting and events come in between.
        }
    }
    Ok(())
}
