mod bounds;
mod entries;
mod maker;
mod queries;
mod witnesses;

use crate::web::WebUrlError;
use crate::{Did, webvh};

const SCID: &str = "QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE";

fn mapped(rest: &str) -> Result<String, WebUrlError> {
    let did = Did::parse(&format!("did:webvh:{rest}")).unwrap();
    webvh::url(&did).map(|url| url.log.to_string())
}

#[test]
fn maps_log_and_witness_proofs_side_by_side() {
    let did = Did::parse(&format!("did:webvh:{SCID}:example.com%3A3000:dids:a")).unwrap();
    let url = webvh::url(&did).unwrap();
    assert_eq!(url.scid, SCID);
    assert_eq!(
        url.log.to_string(),
        "https://example.com:3000/dids/a/did.jsonl"
    );
    assert_eq!(
        url.witness.to_string(),
        "https://example.com:3000/dids/a/did-witness.json"
    );
}

#[test]
fn applies_idna_to_the_host() {
    let mapped = mapped(&format!("{SCID}:jp%E7%B4%8D%E8%B1%86.%E4%BE%8B.jp")).unwrap();
    assert_eq!(
        mapped,
        "https://xn--jp-cd2fp15c.xn--fsq.jp/.well-known/did.jsonl"
    );
}

#[test]
fn refuses_a_malformed_scid_and_an_unqualified_host() {
    assert_eq!(
        mapped(&format!("{}:example.com", &SCID[1..])),
        Err(WebUrlError::Scid)
    );
    assert_eq!(
        mapped(&format!("0{}:example.com", &SCID[1..])),
        Err(WebUrlError::Scid)
    );
    assert_eq!(mapped(SCID), Err(WebUrlError::Host));
    assert_eq!(mapped(&format!("{SCID}:localhost")), Err(WebUrlError::Host));
}
