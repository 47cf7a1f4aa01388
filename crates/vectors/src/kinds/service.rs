//! Service blocks.

use comity_did::{Did, Service, Target};

use super::Runner;
use crate::case::{Case, Check, ensure, failed, skipped};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    (case.has(&["service", "expect"]) && case.expectation().is_some()).then_some(service as Runner)
}

/// `service`, `expect`: is it read, and may DIDComm v2 be sent there?
fn service(case: &Case<'_>) -> Check {
    let did = Did::parse("did:example:subject").map_err(|error| failed(error.to_string()))?;
    let service = Service::parse(&did, case.member("service")?);
    let usable: Vec<_> = service
        .iter()
        .flat_map(|service| &service.endpoints)
        .filter(|endpoint| endpoint.accepts_didcomm_v2())
        .collect();
    match case.expectation().unwrap_or_default() {
        "ok" | "ok-ignore-unknown" => ensure(!usable.is_empty(), "no endpoint is usable"),
        "ok-queue" => {
            let is_queue = usable
                .iter()
                .any(|endpoint| endpoint.target() == Target::Queue);
            ensure(is_queue, "the queue is not recognised")
        }
        "error" => ensure(service.is_err(), "the service is not refused"),
        "skip-incompatible" => ensure(usable.is_empty(), "an incompatible endpoint is usable"),
        "legacy-accept-or-error" => ensure(
            service.is_err() || !usable.is_empty(),
            "neither read nor refused",
        ),
        other => Err(skipped(format!("services expected to end with {other}"))),
    }
}
