use super::{CustodyError, KeyAgreement, MasterKey, MasterKeyError, NodeHeld, Signer};
use comity_did::{Did, DidUrl};
use comity_jose::{AgreementKey, SignatureAlgorithm, SystemEntropy};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn master(home: &Path) -> Result<MasterKey, MasterKeyError> {
    MasterKey::open(&home.join("master.key"), &home.join("comity.db"))
}

fn node_held(home: &Path) -> NodeHeld {
    NodeHeld::new(master(home).unwrap(), Arc::new(SystemEntropy))
}

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

fn kid(did: &Did, fragment: &str) -> DidUrl {
    did.with_fragment(fragment).unwrap()
}

#[test]
fn the_master_key_is_made_once_and_only_its_owner_reads_it() {
    let home = tempfile::tempdir().unwrap();
    master(home.path()).unwrap();
    let path = home.path().join("master.key");
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(first.trim_end().len(), 64);
    assert!(first.trim_end().bytes().all(|c| c.is_ascii_hexdigit()));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    master(home.path()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
}

#[test]
fn a_master_key_that_others_can_read_is_refused_with_the_command_that_helps() {
    let home = tempfile::tempdir().unwrap();
    master(home.path()).unwrap();
    let path = home.path().join("master.key");
    for mode in [0o640, 0o604, 0o644, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = master(home.path()).unwrap_err();
        assert!(matches!(error, MasterKeyError::Exposed { mode: m, .. } if m == mode));
        let problem = error.explain(comity_api::Problem::new("e.m", error.to_string()));
        assert_eq!(problem.next, Some(format!("chmod 600 {}", path.display())));
    }
}

#[test]
fn a_damaged_master_key_is_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("master.key");
    for text in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(
            matches!(master(home.path()), Err(MasterKeyError::Damaged { .. })),
            "{text:?}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_database_without_its_master_key_gets_no_new_one() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("comity.db"), "sealed things").unwrap();
    assert!(matches!(
        master(home.path()),
        Err(MasterKeyError::Missing { .. })
    ));
    assert!(!home.path().join("master.key").exists());
}

#[tokio::test]
async fn keys_work_after_a_restart_and_not_before_they_were_committed() {
    let home = tempfile::tempdir().unwrap();
    let aria = did("did:web:agents.org-a.test:aria");
    let (signing, agreement) = (kid(&aria, "key-1"), kid(&aria, "key-2"));
    let before = node_held(home.path());
    let minted = before.mint(&aria).unwrap();
    assert_eq!(
        before.sign(&signing, b"x").await,
        Err(CustodyError::Unknown)
    );
    drop(before);

    let after = node_held(home.path());
    after.unseal(&aria, &minted.sealed).unwrap();
    let signature = after.sign(&signing, b"octets").await.unwrap();
    minted
        .signing
        .verify(SignatureAlgorithm::EdDsa, b"octets", &signature)
        .unwrap();
    assert!(after.holds(&agreement));
    assert!(!after.holds(&signing));
    let peer = AgreementKey::generate(&SystemEntropy);
    let ours = after
        .agree(&agreement, std::slice::from_ref(peer.public()))
        .await
        .unwrap();
    assert_eq!(
        ours[0].octets(),
        peer.agree(&minted.agreement).unwrap().octets()
    );
    assert_eq!(
        after.sign(&agreement, b"x").await,
        Err(CustodyError::Unknown)
    );

    after.forget(&aria);
    assert_eq!(after.sign(&signing, b"x").await, Err(CustodyError::Unknown));
}

#[tokio::test]
async fn sealed_keys_open_for_their_own_did_under_their_own_master_key_only() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let aria = did("did:web:agents.org-a.test:aria");
    let bruno = did("did:web:agents.org-a.test:bruno");
    let node = node_held(home.path());
    let sealed = node.mint(&aria).unwrap().sealed;
    assert_eq!(node.unseal(&bruno, &sealed), Err(CustodyError::Unseal));
    assert_eq!(
        node_held(other.path()).unseal(&aria, &sealed),
        Err(CustodyError::Unseal)
    );
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 1;
        assert!(node.unseal(&aria, &altered).is_err(), "octet {place}");
        assert!(
            node.unseal(&aria, &sealed[..place]).is_err(),
            "cut at {place}"
        );
    }
    let mut newer = sealed.clone();
    newer[0] = 2;
    assert_eq!(node.unseal(&aria, &newer), Err(CustodyError::Version));
    let secret = [0x2a; 32];
    let plain = node.mint(&aria).unwrap().sealed;
    assert!(!plain.windows(32).any(|window| window == secret));
    node.unseal(&aria, &sealed).unwrap();
}

#[tokio::test]
async fn a_new_log_ends_signing_for_the_old_one() {
    let home = tempfile::tempdir().unwrap();
    let node = node_held(home.path());
    assert_eq!(
        node.sign_log(b"checkpoint").await,
        Err(CustodyError::Unknown)
    );
    let (public, sealed) = node.mint_log().unwrap();
    assert_eq!(node.unseal_log(&sealed), Ok(public.clone()));
    let signature = node.sign_log(b"checkpoint").await.unwrap();
    let verify =
        |signature: &[u8]| public.verify(SignatureAlgorithm::EdDsa, b"checkpoint", signature);
    verify(&signature).unwrap();

    let (_, sealed) = node.mint_log().unwrap();
    node.unseal_log(&sealed).unwrap();
    verify(&node.sign_log(b"checkpoint").await.unwrap()).unwrap_err();
}

#[test]
fn an_agents_keys_do_not_open_as_a_logs() {
    let home = tempfile::tempdir().unwrap();
    let node = node_held(home.path());
    let sealed = node
        .mint(&did("did:web:agents.org-a.test:aria"))
        .unwrap()
        .sealed;
    assert_eq!(node.unseal_log(&sealed), Err(CustodyError::Unseal));
}

#[test]
fn nothing_secret_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let key = fs::read_to_string(home.path().join("master.key")).unwrap_or_default();
    assert_eq!(
        format!("{:?}", master(home.path()).unwrap()),
        "MasterKey(..)"
    );
    assert_eq!(format!("{:?}", node_held(home.path())), "NodeHeld(..)");
    assert!(key.is_empty());
}
