//! What stands inside the cryptography: the input is signed and encrypted before it is unpacked, as
//! message, as protected header, as claims of a rotation.

use comity_did::DidUrl;
use comity_didcomm::protocols::Body;
use comity_didcomm::protocols::routing::{Forward, Hop, forward};
use comity_didcomm::{Layer, Plaintext, Proof};
use comity_jose::json::Limits;
use comity_jose::jwe::{Enc, apv};
use comity_jose::jws::SigningInput;
use comity_jose::kdf::{OtherInfo, concat_kdf};
use comity_jose::{AgreementKey, Curve, base64url, key_wrap};
use serde_json::{Value, json};

use super::plaintext;
use super::unpack::{Wrapped, check, sealed, unpack};
use super::{choice, chosen};
use crate::Target;
use crate::cast::{ARIA, BRUNO, Fixed, OLD_ARIA};

pub(crate) const TARGET: Target = Target {
    name: "layers",
    max_len: 8192,
    run,
    seeds,
    heavy: super::none,
};

const WRAPPED: u8 = Wrapped::ALL.len() as u8;
const HOWS: u8 = WRAPPED + 5;

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, HOWS) else {
        return;
    };
    match how.checked_sub(WRAPPED) {
        None => message(Wrapped::ALL[usize::from(how)], rest),
        Some(0) => signed_header(rest),
        Some(1) => sealed_header(rest),
        Some(2) => prior(
            br#"{"typ":"JWT","alg":"EdDSA","kid":"did:example:aria-before#sign"}"#,
            rest,
        ),
        Some(3) => forwarded(rest),
        _ => {
            let (header, claims) = split(rest);
            prior(header, claims);
        }
    }
}

/// What stands before and after the first octet 0.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|octet| *octet == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

fn message(how: Wrapped, octets: &[u8]) {
    let received = unpack(&how.wrap(octets));
    let read = Plaintext::parse(octets, &Limits::MESSAGE);
    let Ok(received) = received else {
        // What is in order is not refused.
        let Ok(read) = read else { return };
        let special = ["ciphertext", "payload"]
            .iter()
            .any(|name| read.extra.contains_key(*name));
        let fits = read.from.as_ref() == Some(&ARIA.did) && read.to == [BRUNO.did.clone()];
        // Of a forward to its reader what it carries is read as well.
        let is_forward = read.type_.is(<Forward as Body>::TYPE);
        assert!(
            special || !fits || is_forward || read.from_prior.is_some(),
            "refused a message in order"
        );
        return;
    };
    check(&received);
    if received.layers.len() != how.layers() {
        // The input was an envelope itself: `check` has said what its proof may be.
        return;
    }
    assert_eq!(received.octets, octets);
    assert_eq!(received.plaintext, read.expect("was read"));
    assert_eq!(
        matches!(received.proof, Proof::Anyone { .. }),
        how.is_signed()
    );
    assert_eq!(
        matches!(received.proof, Proof::Us { .. }),
        how.is_authenticated() && !how.is_signed()
    );
}

/// Any protected header, truly signed.
fn signed_header(data: &[u8]) {
    let (header, payload) = split(data);
    let input = SigningInput::new(header, payload);
    let signature = base64url::encode(&ARIA.signs().sign(input.octets()));
    let has_kid =
        serde_json::from_slice::<Value>(header).is_ok_and(|header| header.get("kid").is_some());
    let mut jws = json!({"payload": input.payload_b64(), "protected": input.protected_b64(), "signature": signature});
    if !has_kid {
        jws["header"] = json!({"kid": ARIA.kid("sign")});
    }
    let jws = jws.to_string();
    for octets in [
        jws.clone().into_bytes(),
        sealed(Enc::ALL[0], jws.as_bytes()),
    ] {
        if let Ok(received) = unpack(&octets) {
            check(&received);
            assert_eq!(received.octets, payload);
            let Proof::Anyone { kid, key } = &received.proof else {
                panic!("signed, and not proved")
            };
            assert_eq!((kid.did(), key), (&ARIA.did, ARIA.signs().public()));
            let header: Value = serde_json::from_slice(header).expect("was read");
            assert_eq!(header["alg"], "EdDSA");
            assert!(header.get("crit").is_none() && header.get("b64").is_none());
        }
    }
}

/// Any protected header, truly encrypted under what it says.
fn sealed_header(data: &[u8]) {
    let (header, content) = split(data);
    let Ok(Value::Object(mut header)) = serde_json::from_slice::<Value>(header) else {
        return;
    };
    let kid = BRUNO.kid("agree");
    let ephemeral = AgreementKey::generate_on(Curve::X25519, &Fixed::new(11)).expect("a key");
    let digest = apv([kid.as_str()]);
    header
        .entry("epk")
        .or_insert_with(|| ephemeral.public().to_jwk());
    header
        .entry("apv")
        .or_insert_with(|| base64url::encode(&digest).into());
    let text = |name: &str| {
        header
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (alg, enc) = (
        text("alg"),
        Enc::from_name(&text("enc")).unwrap_or(Enc::ALL[0]),
    );
    let apu = base64url::decode(&text("apu")).unwrap_or_default();
    let protected = base64url::encode(Value::Object(header.clone()).to_string().as_bytes());
    let (cek, iv) = (vec![3; enc.key_len()], vec![4; enc.iv_len()]);
    let mut octets = content.to_vec();
    let tag = enc
        .seal(&cek, &iv, protected.as_bytes(), &mut octets)
        .expect("fits");
    let bruno = BRUNO.agrees().public();
    let (ze, zs) = (
        ephemeral.agree(bruno).expect("agrees"),
        ARIA.agrees().agree(bruno).expect("agrees"),
    );
    let authenticated = alg == "ECDH-1PU+A256KW";
    let info = OtherInfo {
        algorithm_id: &alg,
        apu: &apu,
        apv: &digest,
        key_bits: 256,
        cc_tag: authenticated.then_some(tag.as_ref()),
    };
    let secrets = [ze.octets(), zs.octets()];
    let kek = concat_kdf(
        if authenticated {
            &secrets
        } else {
            &secrets[..1]
        },
        &info,
    );
    let wrapped = base64url::encode(&key_wrap::wrap(&kek, &cek));
    let jwe = json!({"protected": protected, "iv": base64url::encode(&iv), "ciphertext": base64url::encode(&octets),
        "tag": base64url::encode(&tag), "recipients": [{"header": {"kid": kid}, "encrypted_key": wrapped}]});
    if let Ok(received) = unpack(jwe.to_string().as_bytes()) {
        check(&received);
        assert!(header.get("crit").is_none() && header.get("zip").is_none());
        if received.layers.len() == 1 {
            assert_eq!(received.octets, content);
            assert_eq!(
                matches!(received.layers[0], Layer::Authcrypt { .. }),
                authenticated
            );
        }
    }
}

/// Any octets as what forwards to ourselves carry, one in another; the first octet says how many.
fn forwarded(data: &[u8]) {
    let Some((depth, content)) = choice(data, 7) else {
        return;
    };
    let next = DidUrl::from(BRUNO.did.clone());
    let hop = Hop::new(BRUNO.kid("agree"), BRUNO.agrees().public().clone());
    let hops = vec![hop; usize::from(depth)];
    let Ok(inner) = String::from_utf8(content.to_vec()) else {
        return;
    };
    // Both as it is and, so that it is an envelope, sealed.
    for inner in [
        inner,
        String::from_utf8(sealed(Enc::ALL[0], content)).expect("json"),
    ] {
        let Ok(envelope) = forward(&Fixed::new(12), &next, &hops, inner, Enc::ALL[0], None) else {
            continue;
        };
        if let Ok(received) = unpack(envelope.as_bytes()) {
            check(&received);
            let forwards = received.layers.iter();
            assert!(
                forwards
                    .filter(|layer| matches!(layer, Layer::Forward { .. }))
                    .count()
                    <= 4
            );
        }
    }
}

/// A rotation with any header and any claims, truly signed by who Aria was.
fn prior(header: &[u8], claims: &[u8]) {
    let input = SigningInput::new(header, claims);
    let signature = OLD_ARIA.signs().sign(input.octets());
    let mut message = plaintext::messages()[0].clone();
    message["from_prior"] = input.into_compact(&signature).into();
    let ended =
        serde_json::from_slice::<Value>(claims).is_ok_and(|claims| claims.get("sub").is_none());
    if ended && let Some(message) = message.as_object_mut() {
        message.remove("from");
    }
    if let Ok(received) = unpack(&sealed(Enc::ALL[0], message.to_string().as_bytes())) {
        check(&received);
        let prior = received.from_prior.expect("was announced");
        assert_eq!(prior.iss, OLD_ARIA.did);
        assert_eq!(prior.kid.did(), &OLD_ARIA.did);
        assert_eq!(prior.sub, received.plaintext.from);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (message, how) in plaintext::messages().iter().cycle().zip(0..WRAPPED) {
        out.push(chosen(how, message.to_string()));
    }
    let message = plaintext::messages()[0].to_string();
    let inner =
        |n: usize| String::from_utf8(Wrapped::ALL[n].wrap(message.as_bytes())).unwrap_or_default();
    out.push(chosen(4, inner(1)));
    out.push(chosen(4, inner(7)));
    out.push(chosen(4, inner(10)));
    out.push(chosen(7, inner(1)));
    for header in [
        r#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#.to_owned(),
        format!(
            r#"{{"typ":"JWM","alg":"EdDSA","kid":"{}"}}"#,
            ARIA.kid("sign")
        ),
        r#"{"alg":"ES256","crit":["exp"],"b64":false}"#.to_owned(),
    ] {
        out.push(chosen(WRAPPED, format!("{header}\0{message}")));
    }
    let skid = ARIA.kid("agree");
    let apu = base64url::encode(skid.as_str().as_bytes());
    for header in [
        r#"{"typ":"application/didcomm-encrypted+json","alg":"ECDH-ES+A256KW","enc":"A256GCM"}"#
            .to_owned(),
        r#"{"alg":"ECDH-ES+A256KW","enc":"XC20P"}"#.to_owned(),
        format!(
            r#"{{"alg":"ECDH-1PU+A256KW","enc":"A256CBC-HS512","skid":"{skid}","apu":"{apu}"}}"#
        ),
    ] {
        out.push(chosen(WRAPPED + 1, format!("{header}\0{message}")));
    }
    let (old, new) = (&OLD_ARIA.did, &ARIA.did);
    let claims = format!(
        r#"{{"iss":"{old}","sub":"{new}","iat":1795404900,"exp":1795405900,"nbf":1795404900}}"#
    );
    out.push(chosen(WRAPPED + 2, &claims));
    out.push(chosen(WRAPPED + 2, format!(r#"{{"iss":"{old}","iat":1}}"#)));
    out.push(chosen(WRAPPED + 3, chosen(2, &message)));
    out.push(chosen(WRAPPED + 3, chosen(4, inner(8))));
    out.push(chosen(
        WRAPPED + 3,
        chosen(1, r#"{"ciphertext":1,"protected":1,"iv":1,"tag":1}"#),
    ));
    out.push(chosen(
        WRAPPED + 4,
        format!(
            "{{\"typ\":\"JWT\",\"alg\":\"EdDSA\",\"kid\":\"{}\"}}\0{claims}",
            OLD_ARIA.kid("sign")
        ),
    ));
    out
}
