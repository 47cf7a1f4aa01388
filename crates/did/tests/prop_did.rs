//! What must hold for any text: printing undoes reading, and nothing panics.

use comity_did::{Did, DidDocument, DidUrl, resolve_offline, web, webvh};
use proptest::prelude::*;

proptest! {
    #[test]
    fn printing_undoes_reading(text in "did:[a-z0-9]{1,8}:[A-Za-z0-9._%:-]{0,40}([/?#][ -~]{0,20})?") {
        if let Ok(url) = DidUrl::parse(&text) {
            prop_assert_eq!(url.as_str(), &text);
            prop_assert!(text.starts_with(url.did().as_str()));
        }
        if let Ok(did) = Did::parse(&text) {
            let url = DidUrl::from(did);
            prop_assert_eq!(url.as_str(), &text);
        }
    }

    #[test]
    fn any_did_is_mapped_or_refused(text in "did:(web|webvh):[A-Za-z0-9._%:-]{1,60}") {
        if let Ok(did) = Did::parse(&text) {
            if let Ok(url) = web::url(&did) {
                prop_assert!(!url.path().contains("/../") && !url.path().contains("//"));
            }
            let _ = webvh::url(&did);
        }
    }

    #[test]
    fn any_self_contained_did_is_resolved_or_refused(text in "did:(key:z|jwk:|peer:[0-4]|peer:2\\.[VES]z?)[A-Za-z0-9._:-]{1,90}") {
        if let Ok(did) = Did::parse(&text) {
            let _ = resolve_offline(&did);
            prop_assert!(did.same_subject(&did));
        }
    }

    #[test]
    fn any_octets_are_a_document_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let did = Did::parse("did:example:a").unwrap();
        prop_assert!(DidDocument::parse(&did, &octets).is_err());
    }
}
