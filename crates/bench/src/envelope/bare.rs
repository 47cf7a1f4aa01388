//! The bare cryptography of a case: parsed keys, prepared octets, buffers used again, and the
//! library that is fastest on x86-64: aws-lc-rs, and for key pairs, their agreements and Ed25519
//! verification it or graviola, whichever a trial just before finds faster. No JSON, no base64, no
//! copy, no check but the authentication itself.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AesKek, KeyWrap as _};
use aws_lc_rs::{agreement, constant_time, digest, hmac, rand, signature};
use comity_jose::Curve;
use comity_jose::jwe::Enc;
use graviola::key_agreement::{p256, x25519};
use graviola::signing::eddsa;

use super::case::Mode;
use super::measure::{Way, interleaved};
use super::ours::World;

/// Everything that a case's cryptography works on.
pub(crate) struct Bare {
    curve: Curve,
    sign: Option<Sign>,
    seal: Option<Seal>,
}

struct Sign {
    key: signature::Ed25519KeyPair,
    verifier: Verifier,
    input: Vec<u8>,
    signature: Vec<u8>,
}

enum Verifier {
    Aws(signature::ParsedPublicKey),
    Graviola(eddsa::Ed25519VerifyingKey),
}

struct Seal {
    library: Library,
    enc: Enc,
    authcrypt: bool,
    /// The sender's static key.
    sender: agreement::PrivateKey,
    /// The recipient's.
    recipient: agreement::PrivateKey,
    /// The recipients' public keys, for the sender's static key and for the ephemeral one.
    peers: Vec<(agreement::ParsedPublicKey, Peer)>,
    /// The sender's public key and an ephemeral one, for the recipient.
    theirs: [agreement::ParsedPublicKey; 2],
    /// As long as the protected header in base64url.
    aad: Vec<u8>,
    /// Party information of the derivation.
    info: Vec<u8>,
    content: Vec<u8>,
    /// `content` under a fixed key, its tag, and that key wrapped: what is opened.
    sealed: Vec<u8>,
    sealed_tag: Vec<u8>,
    sealed_key: Vec<u8>,
    /// Where results go.
    out: Vec<u8>,
    tag: Vec<u8>,
    wrapped: Vec<u8>,
}

/// Whose ephemeral keys are faster.
#[derive(Clone, Copy)]
enum Library {
    Aws,
    Graviola,
}

/// A public key for an ephemeral key of graviola.
enum Peer {
    X25519(x25519::PublicKey),
    P256(Box<p256::PublicKey>),
}

enum Ephemeral {
    Aws(agreement::PrivateKey),
    X25519(x25519::StaticPrivateKey),
    P256(p256::StaticPrivateKey),
}

impl Bare {
    /// For a case whose plaintext has so many octets.
    pub(crate) fn new(
        world: &World,
        mode: Mode,
        curve: Curve,
        recipients: usize,
        plaintext: usize,
    ) -> Result<Self> {
        // Protected header and dot, and the payload in base64url.
        let input = 75 + plaintext.div_ceil(3) * 4;
        // The general form around it.
        let jws = input + 250;
        let (sign, sealed) = match mode {
            Mode::Sign => (Some(input), None),
            Mode::Anoncrypt(enc) => (None, Some((enc, false, plaintext))),
            Mode::AnoncryptSign(enc) => (Some(input), Some((enc, false, jws))),
            Mode::Authcrypt => (None, Some((Enc::A256CbcHs512, true, plaintext))),
        };
        Ok(Self {
            curve,
            sign: sign.map(|input| Sign::new(world, input)).transpose()?,
            seal: sealed
                .map(|(enc, authcrypt, content)| {
                    Seal::new(world, curve, enc, authcrypt, recipients, content)
                })
                .transpose()?,
        })
    }

    /// Signs, then encrypts, as far as the case does.
    pub(crate) fn pack(&mut self) -> Result<()> {
        if let Some(sign) = &self.sign {
            black_box(sign.key.sign(black_box(&sign.input)));
        }
        match &mut self.seal {
            Some(seal) => seal.seal(self.curve),
            None => Ok(()),
        }
    }

    /// Decrypts, then verifies, as far as the case does.
    pub(crate) fn unpack(&mut self) -> Result<()> {
        if let Some(seal) = &mut self.seal {
            seal.open()?;
        }
        match &self.sign {
            Some(sign) => sign.verifier.verify(&sign.input, &sign.signature),
            None => Ok(()),
        }
    }
}

impl Sign {
    fn new(world: &World, input: usize) -> Result<Self> {
        let seed = world.sender.signing.secret();
        let key = signature::Ed25519KeyPair::from_seed_unchecked(&seed)?;
        let input = vec![b'x'; input];
        let signature = key.sign(&input).as_ref().to_vec();
        let public = world.sender.signing.public().raw();
        let aws = Verifier::Aws(signature::ParsedPublicKey::new(
            &signature::ED25519,
            public,
        )?);
        let graviola = eddsa::Ed25519VerifyingKey::from_bytes(public);
        let graviola = Verifier::Graviola(graviola.map_err(|error| anyhow!("{error:?}"))?);
        let second = is_second_faster(
            || aws.verify(&input, &signature).is_ok(),
            || graviola.verify(&input, &signature).is_ok(),
        );
        Ok(Self {
            key,
            verifier: if second { graviola } else { aws },
            input,
            signature,
        })
    }
}

impl Verifier {
    fn verify(&self, input: &[u8], signature: &[u8]) -> Result<()> {
        let input = black_box(input);
        match self {
            Self::Aws(key) => Ok(key.verify_sig(input, signature)?),
            Self::Graviola(key) => key
                .verify(signature, input)
                .map_err(|error| anyhow!("{error:?}")),
        }
    }
}

impl Seal {
    fn new(
        world: &World,
        curve: Curve,
        enc: Enc,
        authcrypt: bool,
        recipients: usize,
        content: usize,
    ) -> Result<Self> {
        let algorithm = algorithm(curve);
        let secret = |octets: &[u8]| agreement::PrivateKey::from_private_key(algorithm, octets);
        let parsed = |key: &agreement::PrivateKey| -> Result<agreement::ParsedPublicKey> {
            let octets = key.compute_public_key()?;
            Ok(agreement::UnparsedPublicKey::new(algorithm, octets).try_into()?)
        };
        let sender = secret(&world.sender.agreement.secret())?;
        let recipient = secret(&world.recipient.agreement.secret())?;
        let octets = recipient.compute_public_key()?;
        let peer = || {
            Ok::<_, graviola::Error>(match curve {
                Curve::P256 => {
                    Peer::P256(p256::PublicKey::from_x962_uncompressed(octets.as_ref())?.into())
                }
                _ => Peer::X25519(x25519::PublicKey::try_from_slice(octets.as_ref())?),
            })
        };
        let peers = (0..recipients).map(|_| -> Result<_> {
            Ok((
                parsed(&recipient)?,
                peer().map_err(|error| anyhow!("{error:?}"))?,
            ))
        });
        let ephemeral = agreement::PrivateKey::generate(algorithm)?;
        let mut new = Self {
            library: Library::Aws,
            enc,
            authcrypt,
            peers: peers.collect::<Result<_>>()?,
            theirs: [parsed(&ephemeral)?, parsed(&sender)?],
            sender,
            recipient,
            aad: vec![b'x'; if authcrypt { 560 } else { 420 }],
            info: vec![0; if authcrypt { 150 } else { 70 }],
            content: vec![b'x'; content],
            sealed: Vec::new(),
            sealed_tag: Vec::new(),
            sealed_key: vec![0; enc.key_len() + 8],
            out: vec![0; content + 32],
            tag: Vec::new(),
            wrapped: vec![0; enc.key_len() + 8],
        };
        let trial = |library| {
            let agreed = Ephemeral::generate(library, curve)
                .and_then(|key| key.agree(&new.peers[0], &mut derivation()));
            agreed.is_ok()
        };
        if is_second_faster(|| trial(Library::Aws), || trial(Library::Graviola)) {
            new.library = Library::Graviola;
        }
        new.encrypt(&[7; 64], &[7; 24])?;
        new.sealed = new.out[..new.sealed_len()].to_vec();
        new.sealed_tag = new.tag.clone();
        AesKek::new(&aws_lc_rs::key_wrap::AES_256, &[7; 32])?
            .wrap(&[7; 64][..enc.key_len()], &mut new.sealed_key)?;
        Ok(new)
    }

    fn sealed_len(&self) -> usize {
        match self.enc {
            Enc::A256CbcHs512 => self.content.len() / 16 * 16 + 16,
            _ => self.content.len(),
        }
    }

    fn seal(&mut self, curve: Curve) -> Result<()> {
        let ephemeral = Ephemeral::generate(self.library, curve)?;
        let (mut key, mut iv) = ([0; 64], [0; 24]);
        rand::fill(&mut key[..self.enc.key_len()])?;
        rand::fill(&mut iv[..self.enc.iv_len()])?;
        self.encrypt(&key, &iv)?;
        for peer in &self.peers {
            let mut derivation = derivation();
            ephemeral.agree(peer, &mut derivation)?;
            if self.authcrypt {
                agree(&self.sender, &peer.0, &mut derivation)?;
            }
            derivation.update(&self.info);
            let kek = AesKek::new(&aws_lc_rs::key_wrap::AES_256, derivation.finish().as_ref())?;
            let wrapped = kek.wrap(&key[..self.enc.key_len()], &mut self.wrapped)?;
            black_box(wrapped);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let mut derivation = derivation();
        let theirs = if self.authcrypt {
            &self.theirs[..]
        } else {
            &self.theirs[..1]
        };
        for public in theirs {
            agree(&self.recipient, public, &mut derivation)?;
        }
        derivation.update(&self.info);
        black_box(derivation.finish());
        // The key derived opens nothing here: the content was sealed with another.
        let kek = AesKek::new(&aws_lc_rs::key_wrap::AES_256, &[7; 32])?;
        let mut key = [0; 64];
        kek.unwrap(&self.sealed_key, &mut key[..self.enc.key_len()])?;
        self.decrypt(&key, &[7; 24])
    }

    fn encrypt(&mut self, key: &[u8; 64], iv: &[u8; 24]) -> Result<()> {
        let length = self.sealed_len();
        self.tag.clear();
        if self.enc == Enc::A256CbcHs512 {
            let iv = &iv[..16];
            let cipher = EncryptingKey::cbc(UnboundCipherKey::new(&AES_256, &key[32..])?)?;
            let context = EncryptionContext::Iv128(FixedLength::try_from(iv)?);
            cipher.less_safe_encrypt(&mut self.out[..length], context)?;
            let tag = mac(&key[..32], &self.aad, iv, &self.out[..length]);
            self.tag.extend_from_slice(&tag.as_ref()[..32]);
            return Ok(());
        }
        let (key, nonce) = aead(self.enc, key, iv)?;
        let mut tag = [0; 16];
        key.seal_out_of_place_scatter(
            nonce,
            Aad::from(&self.aad),
            &self.content,
            &mut self.out[..length],
            &[],
            &mut tag,
        )?;
        self.tag.extend_from_slice(&tag);
        Ok(())
    }

    fn decrypt(&mut self, key: &[u8; 64], iv: &[u8; 24]) -> Result<()> {
        let length = self.sealed_len();
        if self.enc == Enc::A256CbcHs512 {
            let iv = &iv[..16];
            let tag = mac(&key[..32], &self.aad, iv, &self.sealed);
            constant_time::verify_slices_are_equal(&tag.as_ref()[..32], &self.sealed_tag)?;
            let cipher = DecryptingKey::cbc(UnboundCipherKey::new(&AES_256, &key[32..])?)?;
            let context = DecryptionContext::Iv128(FixedLength::try_from(iv)?);
            cipher.decrypt(&mut self.out[..length], context)?;
            return Ok(());
        }
        let (key, nonce) = aead(self.enc, key, iv)?;
        let aad = Aad::from(&self.aad);
        key.open_separate_gather(
            nonce,
            aad,
            &self.sealed,
            &self.sealed_tag,
            &mut self.out[..length],
        )?;
        Ok(())
    }
}

impl Ephemeral {
    /// A key pair: its public part goes into the header.
    fn generate(library: Library, curve: Curve) -> Result<Self> {
        let failed = |error| anyhow!("{error:?}");
        Ok(match (library, curve) {
            (Library::Aws, _) => {
                let algorithm = algorithm(curve);
                let key = agreement::PrivateKey::generate(algorithm)?;
                black_box(key.compute_public_key()?);
                Self::Aws(key)
            }
            (Library::Graviola, Curve::P256) => {
                let key = p256::StaticPrivateKey::new_random().map_err(failed)?;
                black_box(key.public_key_uncompressed());
                Self::P256(key)
            }
            (Library::Graviola, _) => {
                let key = x25519::StaticPrivateKey::new_random().map_err(failed)?;
                black_box(key.public_key().as_bytes());
                Self::X25519(key)
            }
        })
    }

    fn agree(
        &self,
        (parsed, peer): &(agreement::ParsedPublicKey, Peer),
        derivation: &mut digest::Context,
    ) -> Result<()> {
        let failed = |error| anyhow!("{error:?}");
        match (self, peer) {
            (Self::Aws(key), _) => agree(key, parsed, derivation)?,
            (Self::X25519(key), Peer::X25519(peer)) => {
                derivation.update(&key.diffie_hellman(peer).map_err(failed)?.0);
            }
            (Self::P256(key), Peer::P256(peer)) => {
                derivation.update(&key.diffie_hellman(peer).map_err(failed)?.0);
            }
            _ => anyhow::bail!("keys on different curves"),
        }
        Ok(())
    }
}

/// A short trial of two ways to do the same.
fn is_second_faster(mut first: impl FnMut() -> bool, mut second: impl FnMut() -> bool) -> bool {
    let mut ways: [Way<'_>; 2] = [
        Box::new(|| {
            black_box(first());
        }),
        Box::new(|| {
            black_box(second());
        }),
    ];
    let found = interleaved(&mut ways, TRIAL);
    found[1] < found[0]
}

fn algorithm(curve: Curve) -> &'static agreement::Algorithm {
    match curve {
        Curve::P256 => &agreement::ECDH_P256,
        _ => &agreement::X25519,
    }
}

fn derivation() -> digest::Context {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&1_u32.to_be_bytes());
    context
}

fn agree(
    key: &agreement::PrivateKey,
    peer: &agreement::ParsedPublicKey,
    derivation: &mut digest::Context,
) -> Result<()> {
    agreement::agree(key, peer.clone(), (), |z| {
        derivation.update(z);
        Ok(())
    })
    .map_err(|()| anyhow!("keys do not agree"))
}

fn mac(key: &[u8], aad: &[u8], iv: &[u8], sealed: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, key));
    context.update(aad);
    context.update(iv);
    context.update(sealed);
    context.update(&[0; 8]);
    context.sign()
}

/// HChaCha20 of XC20P, one block of work, is left out.
fn aead(enc: Enc, key: &[u8; 64], iv: &[u8; 24]) -> Result<(LessSafeKey, Nonce)> {
    let (algorithm, nonce) = match enc {
        Enc::Xc20p => (&CHACHA20_POLY1305, &iv[12..]),
        _ => (&AES_256_GCM, &iv[..12]),
    };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &key[..32])?);
    Ok((key, Nonce::try_assume_unique_for_key(nonce)?))
}

const TRIAL: Duration = Duration::from_millis(20);
