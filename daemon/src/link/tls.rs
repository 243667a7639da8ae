// SPDX-License-Identifier: GPL-2.0-or-later
//! TLS 1.3 between members of the cluster, who know each other by one key pair that all of them
//! derive from the cluster's secret.
//!
//! The key pair is used as a raw public key (RFC 7250): whoever has the secret could sign any
//! certificate, so certificates would say nothing that the key pair does not say already.

use std::sync::Arc;

use mattx_protocol::peer::Purpose;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring::{cipher_suite, default_provider, sign::any_eddsa_type};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

use crate::key::ClusterKey;

/// What precedes the 32 bytes of an Ed25519 seed in PKCS #8 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The protocol name of connections for `purpose`, so that none can be used for the other.
#[must_use]
pub fn protocol_name(purpose: Purpose) -> &'static [u8] {
    match purpose {
        Purpose::Control => b"mattx-ctl/1",
        Purpose::Data => b"mattx-data/1",
    }
}

/// What both ends of a link need.
#[derive(Clone, Debug)]
pub struct Credentials {
    server: Arc<ServerConfig>,
    control: Arc<ClientConfig>,
    data: Arc<ClientConfig>,
}

impl Credentials {
    /// The credentials of the cluster with this key.
    pub fn derive(key: &ClusterKey) -> Result<Self, Error> {
        let mut pkcs8 = PKCS8_PREFIX.to_vec();
        pkcs8.extend(key.link_seed());
        let signing = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
        let public = signing
            .public_key()
            .ok_or_else(|| Error::General("the key pair has no public key".to_owned()))?
            .into_owned();
        let certified = Arc::new(CertifiedKey::new(
            vec![CertificateDer::from(public.to_vec())],
            signing,
        ));
        let mut provider = default_provider();
        // The one that the kernel knows, too.
        provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = Arc::new(provider);
        let member = Arc::new(Member {
            public,
            provider: Arc::clone(&provider),
        });

        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::clone(&member) as _)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(
                Arc::clone(&certified),
            )));
        server.alpn_protocols = [Purpose::Control, Purpose::Data]
            .map(|purpose| protocol_name(purpose).to_vec())
            .into();
        // A ticket would lie in the way of the kernel's first bytes, and nothing is resumed.
        server.send_tls13_tickets = 0;
        server.enable_secret_extraction = true;

        let client = |purpose| -> Result<_, Error> {
            let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .dangerous()
                .with_custom_certificate_verifier(Arc::clone(&member) as _)
                .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                    Arc::clone(&certified),
                )));
            client.alpn_protocols = vec![protocol_name(purpose).to_vec()];
            client.resumption = Resumption::disabled();
            client.enable_secret_extraction = true;
            Ok(Arc::new(client))
        };
        Ok(Self {
            control: client(Purpose::Control)?,
            data: client(Purpose::Data)?,
            server: Arc::new(server),
        })
    }

    /// For the side that accepts.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// For the side that connects.
    #[must_use]
    pub fn client(&self, purpose: Purpose) -> Arc<ClientConfig> {
        Arc::clone(match purpose {
            Purpose::Control => &self.control,
            Purpose::Data => &self.data,
        })
    }
}

/// Recognises members of the cluster by the public key.
#[derive(Debug)]
struct Member {
    public: SubjectPublicKeyInfoDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Member {
    fn check(&self, presented: &CertificateDer<'_>) -> Result<(), Error> {
        if presented.as_ref() == self.public.as_ref() {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
        }
    }

    /// Proves that the peer has the private key; the public one alone is no secret.
    fn verify(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(
            message,
            &self.public,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }
}

impl ServerCertVerifier for Member {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Member {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
