use super::World;
use super::samples::{START, did};
use crate::{AgentRow, AgentState, TokenRow};

pub fn agents_are_listed_by_name_and_stay_when_removed(world: &World) {
    let agent = |name: &str| AgentRow {
        name: name.to_owned(),
        did: did(name),
        state: AgentState::Active,
        document: b"{}".to_vec(),
        sealed_keys: vec![0, 255, 7],
        created: START,
    };
    let (aria, bruno) = (agent("aria"), agent("bruno"));
    let both = [bruno.clone(), aria.clone()];
    world.write(move |tx| both.iter().try_for_each(|row| tx.put_agent(row)));
    assert_eq!(world.read(|tx| tx.agents()), [aria.clone(), bruno.clone()]);
    let removed = AgentRow {
        state: AgentState::Removed,
        sealed_keys: vec![],
        ..aria
    };
    let row = removed.clone();
    world.write(move |tx| tx.put_agent(&row));
    assert_eq!(world.read(|tx| tx.agent("aria")), Some(removed.clone()));
    assert_eq!(world.read(|tx| tx.agents()), [removed, bruno]);
    assert_eq!(world.read(|tx| tx.agent("carla")), None);
}

pub fn tokens_and_settings_are_kept(world: &World) {
    let token = |n: u8, agent: &str| TokenRow {
        hash: [n; 32],
        agent: agent.to_owned(),
        label: format!("token {n}"),
        created: START,
    };
    let tokens = [token(1, "bruno"), token(2, "aria")];
    let rows = tokens.clone();
    world.write(move |tx| rows.iter().try_for_each(|row| tx.put_token(row)));
    for row in tokens {
        let hash = row.hash;
        assert_eq!(world.read(move |tx| tx.token(&hash)), Some(row));
    }
    assert_eq!(world.read(|tx| tx.token(&[3; 32])), None);
    world.write(|tx| tx.set_meta("empty", b""));
    assert_eq!(world.read(|tx| tx.meta("empty")), Some(vec![]));
    assert_eq!(world.read(|tx| tx.meta("absent")), None);
}
