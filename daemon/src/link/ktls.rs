// SPDX-License-Identifier: GPL-2.0-or-later
//! Teaches a socket to encrypt by itself, so that the kernel can use it (kernel TLS).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustls::{ConnectionTrafficSecrets, ExtractedSecrets};

const TLS_1_3_VERSION: u16 = 0x0304;
const TLS_CIPHER_AES_GCM_128: u16 = 51;
const TLS_TX: libc::c_int = 1;
const TLS_RX: libc::c_int = 2;
const SOL_TLS: libc::c_int = 282;

/// `struct tls12_crypto_info_aes_gcm_128`, which serves TLS 1.3 too.
#[repr(C)]
struct CryptoInfo {
    version: u16,
    cipher: u16,
    iv: [u8; 8],
    key: [u8; 16],
    salt: [u8; 4],
    sequence: [u8; 8],
}

/// Gives the secrets of an established connection to its socket. From then on plain bytes are
/// written to and read from it.
pub fn install(socket: BorrowedFd<'_>, secrets: ExtractedSecrets) -> io::Result<()> {
    let ulp = b"tls";
    set_option(socket, libc::SOL_TCP, libc::TCP_ULP, ulp).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("the kernel cannot encrypt sockets ({error}); is the module tls available?"),
        )
    })?;
    for (direction, (sequence, secrets)) in [(TLS_TX, secrets.tx), (TLS_RX, secrets.rx)] {
        let info = crypto_info(sequence, &secrets)?;
        // SAFETY: CryptoInfo is plain bytes without padding, read for its own length.
        let bytes = unsafe {
            std::slice::from_raw_parts((&raw const info).cast::<u8>(), size_of::<CryptoInfo>())
        };
        set_option(socket, SOL_TLS, direction, bytes)?;
    }
    Ok(())
}

fn crypto_info(sequence: u64, secrets: &ConnectionTrafficSecrets) -> io::Result<CryptoInfo> {
    let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
        return Err(io::Error::other("a cipher that the kernel is not told of"));
    };
    let mut info = CryptoInfo {
        version: TLS_1_3_VERSION,
        cipher: TLS_CIPHER_AES_GCM_128,
        iv: [0; 8],
        key: [0; 16],
        salt: [0; 4],
        sequence: sequence.to_be_bytes(),
    };
    info.key.copy_from_slice(key.as_ref());
    info.salt.copy_from_slice(&iv.as_ref()[..4]);
    info.iv.copy_from_slice(&iv.as_ref()[4..]);
    Ok(info)
}

fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &[u8],
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: `value` is readable for `length` bytes, and the kernel copies it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_has_the_kernels_size() {
        assert_eq!(size_of::<CryptoInfo>(), 40);
    }
}
