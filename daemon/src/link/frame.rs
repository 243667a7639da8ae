// SPDX-License-Identifier: GPL-2.0-or-later
//! Frames on a stream: a big-endian length and that many bytes of JSON.

use mattx_protocol::peer::{Frame, MAX_FRAME};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::LinkError;

/// Reads exactly one frame and not a byte more: what follows may be for the kernel.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S, limit: usize) -> Result<Frame, LinkError> {
    let mut length = [0; 4];
    if let Err(error) = stream.read_exact(&mut length).await {
        return Err(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => LinkError::Closed,
            _ => error.into(),
        });
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > limit.min(MAX_FRAME) {
        return Err(LinkError::TooLong(length));
    }
    // Grows with what arrives, not with what a length claims.
    let mut bytes = Vec::new();
    let read = stream.take(length as u64).read_to_end(&mut bytes).await?;
    if read < length {
        return Err(LinkError::Closed);
    }
    serde_json::from_slice(&bytes).map_err(LinkError::Malformed)
}

/// Writes one frame.
pub async fn write<S: AsyncWrite + Unpin>(stream: &mut S, frame: &Frame) -> Result<(), LinkError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame).map_err(LinkError::Malformed)?;
    let length = bytes.len() - 4;
    let prefix = u32::try_from(length)
        .ok()
        .filter(|_| length <= MAX_FRAME)
        .ok_or(LinkError::TooLong(length))?;
    bytes[..4].copy_from_slice(&prefix.to_be_bytes());
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::peer::Load;
    use proptest::prelude::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("runtime")
            .block_on(future)
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_is_left() {
        let frame = Frame::Load(Load {
            cpu_load: 1,
            affinity: 2,
            memory_free_mib: 3,
            ..Load::default()
        });
        run(async {
            let mut bytes = Vec::new();
            write(&mut bytes, &frame).await.expect("write");
            bytes.extend(b"for the kernel");
            let mut stream = &bytes[..];
            assert_eq!(read(&mut stream, MAX_FRAME).await.expect("read"), frame);
            assert_eq!(stream, b"for the kernel");
        });
    }

    #[test]
    fn a_claimed_length_beyond_the_limit_is_refused_unread() {
        run(async {
            let bytes = u32::MAX.to_be_bytes();
            assert!(matches!(
                read(&mut &bytes[..], MAX_FRAME).await,
                Err(LinkError::TooLong(_))
            ));
        });
    }

    proptest! {
        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(run(read(&mut &bytes[..], 4096)).is_err());
        }
    }
}
