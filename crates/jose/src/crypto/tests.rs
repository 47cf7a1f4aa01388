use super::hchacha::hchacha20;
use super::*;
use crate::{base64url, multibase};

/// draft-irtf-cfrg-xchacha-03 §2.2.1.
#[test]
fn hchacha20_gives_the_published_key() {
    let key = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let nonce = [
        0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0, 0x31, 0x41, 0x59, 0x27,
    ];
    let expected = [
        0x82, 0x41, 0x3b, 0x42, 0x27, 0xb2, 0x7b, 0xfe, 0xd3, 0x0e, 0x42, 0x50, 0x8a, 0x87, 0x7d,
        0x73, 0xa0, 0xf9, 0xe4, 0xd5, 0x8a, 0x74, 0xa8, 0x53, 0xc1, 0x2e, 0xc4, 0x13, 0x26, 0xd3,
        0xec, 0xdc,
    ];
    assert_eq!(*hchacha20(&key, &nonce), expected);
}

#[test]
fn sha256_joins_its_parts() {
    assert_eq!(sha256(&[b"a", b"bc"]), sha256(&[b"abc"]));
    assert_eq!(
        base64url::encode(&sha256(&[])),
        "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    );
}

#[test]
fn comparison_needs_equal_lengths() {
    assert!(constant_time_eq(b"abc", b"abc"));
    assert!(!constant_time_eq(b"abc", b"abd"));
    assert!(!constant_time_eq(b"abc", b"ab"));
}

#[test]
fn base64url_has_one_text_for_each_octet_string() {
    assert_eq!(base64url::decode("AQ").unwrap(), [1]);
    for text in ["AQ==", "AR", "A", "A+", "A/", "AQ\n", " AQ", "AQ="] {
        assert!(base64url::decode(text).is_err(), "{text}");
    }
    for length in 0..20 {
        let octets = vec![0xab; length];
        let text = base64url::encode(&octets);
        assert_eq!(text.len(), base64url::encoded_len(length));
        assert_eq!(base64url::decode(&text).unwrap(), octets);
    }
}

#[test]
fn attachments_may_use_either_alphabet_with_or_without_padding() {
    for text in ["-_8", "-_8=", "+/8", "+/8="] {
        assert_eq!(
            base64url::decode_lenient(text).unwrap(),
            [0xfb, 0xff],
            "{text}"
        );
    }
    assert!(base64url::decode_lenient("-/8").is_err());
    assert!(base64url::decode_lenient("a b").is_err());
}

#[test]
fn multibase_reads_its_two_alphabets_up_to_a_length() {
    assert_eq!(
        multibase::decode(&multibase::encode_base58(b"abc")).unwrap(),
        b"abc"
    );
    assert_eq!(
        multibase::decode(&multibase::encode_base64url(b"abc")).unwrap(),
        b"abc"
    );
    assert_eq!(
        multibase::decode("f00"),
        Err(multibase::MultibaseError::Alphabet)
    );
    assert_eq!(
        multibase::decode(""),
        Err(multibase::MultibaseError::Alphabet)
    );
    assert_eq!(
        multibase::decode("z0"),
        Err(multibase::MultibaseError::Text)
    );
    let long = format!("z{}", "1".repeat(multibase::MAX_TEXT));
    assert_eq!(
        multibase::decode(&long),
        Err(multibase::MultibaseError::TooLong)
    );
}

/// RFC 4231 §4.3, test case 2.
#[test]
fn hmac_sha256_gives_the_known_answer() {
    let tag = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
    let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let shown: String = tag.iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(shown, known);
}
