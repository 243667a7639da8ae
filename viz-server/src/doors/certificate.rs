// SPDX-License-Identifier: GPL-2.0-or-later
//! The certificate of a server: given, or made by itself.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// Whether browsers cannot know it.
    pub self_made: bool,
}

impl Certificate {
    /// Reads the certificate in `file` and its key in `key`; when there is neither, makes both.
    ///
    /// # Errors
    /// In words, when they can be neither read nor made.
    pub fn given_or_made(file: &Path, key: &Path, names: &[String]) -> Result<Self, String> {
        if file.exists() || key.exists() {
            return Self::read(file, key);
        }
        let (certificate, key_pair) = generate(names)?;
        let write = |path: &Path, mode, text: String| {
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(path)
                .and_then(|mut opened| opened.write_all(text.as_bytes()))
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))
        };
        write(key, 0o600, key_pair.serialize_pem())?;
        write(file, 0o644, certificate.pem())?;
        let mut made = Self::read(file, key)?;
        made.self_made = true;
        Ok(made)
    }

    /// A new certificate for these names, kept nowhere.
    ///
    /// # Errors
    /// In words, when it cannot be made.
    pub fn made(names: &[String]) -> Result<Self, String> {
        let (certificate, key) = generate(names)?;
        Ok(Self {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            self_made: true,
        })
    }

    fn read(file: &Path, key: &Path) -> Result<Self, String> {
        let problem = |path: &Path, error: rustls::pki_types::pem::Error| {
            format!("{} is not usable: {error}", path.display())
        };
        let chain = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| problem(file, error))?;
        if chain.is_empty() {
            return Err(format!("there is no certificate in {}", file.display()));
        }
        Ok(Self {
            chain,
            key: PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, error))?,
            self_made: false,
        })
    }

    /// What people compare when their browser does not know the certificate: SHA-256 of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.chain.first().map_or(&[][..], |first| first.as_ref()));
        let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// How to encrypt with it.
    ///
    /// # Errors
    /// In words, when certificate and key do not belong together.
    pub fn configuration(self) -> Result<Arc<ServerConfig>, String> {
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(self.chain, self.key)
            })
            .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(configuration))
    }
}

fn generate(names: &[String]) -> Result<(rcgen::Certificate, KeyPair), String> {
    let make = || {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters
            .distinguished_name
            .push(DnType::CommonName, "MattX");
        for name in names {
            parameters
                .subject_alt_names
                .push(match name.parse::<IpAddr>() {
                    Ok(address) => SanType::IpAddress(address),
                    Err(_) => SanType::DnsName(name.as_str().try_into()?),
                });
        }
        let key = KeyPair::generate()?;
        Ok((parameters.self_signed(&key)?, key))
    };
    make().map_err(|error: rcgen::Error| format!("a certificate cannot be made: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_made_is_used_again() {
        let folder = std::env::temp_dir().join(format!("mattx-viz-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (file, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let names = ["localhost".into(), "10.0.0.1".into(), "::1".into()];
        let made = Certificate::given_or_made(&file, &key, &names).unwrap();
        let again = Certificate::given_or_made(&file, &key, &names).unwrap();
        assert!(made.self_made && !again.self_made);
        assert_eq!(made.fingerprint(), again.fingerprint());
        assert!(again.configuration().is_ok());
        std::fs::write(&key, "no key").unwrap();
        assert!(Certificate::given_or_made(&file, &key, &names).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
