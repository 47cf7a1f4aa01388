//! What the rules say about a knock: yes in the operator's place, or why none of them does.

use super::rule::{Admits, Rule, Who};
use crate::grant::{Grant, Narrower, Restrictions};
use crate::scope::Types;
use comity_did::Did;
use comity_didcomm::MessageType;
use comity_record::Digest;

/// A stranger who knocks, as far as he is proved.
#[derive(Clone, Copy, Debug)]
pub struct Stranger<'a> {
    /// Our agent.
    pub ours: &'a Did,
    /// Who knocks: the proved sender.
    pub sender: &'a Did,
    /// What he asks for.
    pub offer: &'a Grant,
    /// The type of the message that waits at his node, if there is one.
    pub first: Option<&'a MessageType>,
    /// The invitation that he names.
    pub invitation: Option<&'a str>,
    /// The chains of vouches that he presented and that were verified.
    pub vouched: &'a [Vouched],
    /// True if an operator blocked him or his domain.
    pub blocked: bool,
    /// True if the last grant of the two was ended by a decision of ours.
    pub revoked: bool,
    /// True if the last grant of the two was made for other keys than the stranger has now, or is
    /// suspended for that.
    pub keys_changed: bool,
    /// UTC seconds.
    pub now: u64,
}

/// A verified chain of vouches for a stranger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Digests of the vouches, the first of the chain first.
    pub chain: Vec<Digest>,
    /// Who issued each, the first of the chain first.
    pub issuers: Vec<Did>,
    /// What all of them vouch for.
    pub types: Types,
    /// How many messages they have left for it; no limit if absent.
    pub uses: Option<u64>,
    /// The earliest end of any of them, UTC seconds.
    pub until: u64,
}

/// A rule, and how much of it is used.
#[derive(Clone, Copy, Debug)]
pub struct RuleState<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Grants that it has made.
    pub made: u64,
    /// Messages that were accepted from this very stranger under grants that it made: its uses are
    /// what it lets through in all, however often he knocks.
    pub used: u64,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<'a> {
    /// This grant begins.
    Approve {
        /// The rule that says so.
        rule: &'a Rule,
        /// Within what was asked, what the rule allows and what was vouched for.
        grant: Box<Grant>,
        /// The place of the chain that it stands on in [`Stranger::vouched`].
        vouched: Option<usize>,
    },
    /// A person decides: no rule does, each for a reason.
    Ask(Vec<(&'a Rule, Misfit)>),
    /// Blocked: silence.
    Blocked,
}

/// Why a rule does not let somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// It is about another agent of ours.
    #[error("it is about another agent of yours")]
    Agent,
    /// It is about others.
    #[error("it is about others")]
    Who,
    /// No invitation, or another one.
    #[error("they do not have its invitation")]
    NotInvited,
    /// No chain of vouches begins with whom it trusts.
    #[error("nobody whom it trusts vouches for them")]
    NotVouched,
    /// The chain of vouches is longer than it trusts.
    #[error("they are vouched for by others than those whom it trusts itself")]
    TooFar,
    /// The vouches cover nothing that was asked for and that the rule allows.
    #[error("what is vouched for is not what they ask for")]
    VouchedForOther,
    /// The vouches' uses are used up.
    #[error("the vouch has no uses left")]
    VouchUsedUp,
    /// Nothing of what was asked for is allowed by it.
    #[error("it allows nothing of what they ask for")]
    Types,
    /// The message that waits would still not be allowed.
    #[error("it does not allow the message that waits")]
    First,
    /// They have sent all the messages that it lets through.
    #[error("they have sent all the messages that it lets through")]
    Uses,
    /// It is over.
    #[error("it is over")]
    Over,
    /// It has made as many grants as it may.
    #[error("it has let in as many as it may")]
    UsedUp,
    /// An operator threw them out.
    #[error("an operator ended their last grant; only a person lets them in again")]
    Revoked,
    /// Their keys are not those of their last grant.
    #[error("their keys are not those that their last grant was made for; a person compares them")]
    Keys,
    /// It takes knocks only.
    #[error("it takes a knock, not a message without one")]
    KnockOnly,
}

/// Asks the rules about a knock, in their order. The first that lets it in decides.
#[must_use]
pub fn consider<'a>(stranger: &Stranger<'_>, rules: &[RuleState<'a>]) -> Answer<'a> {
    if stranger.blocked {
        return Answer::Blocked;
    }
    let mut misfits = Vec::with_capacity(rules.len());
    for state in rules {
        match fits(stranger, *state) {
            Ok((grant, vouched)) => {
                return Answer::Approve {
                    rule: state.rule,
                    grant: Box::new(grant),
                    vouched,
                };
            }
            Err(misfit) => misfits.push((state.rule, misfit)),
        }
    }
    Answer::Ask(misfits)
}

fn fits(stranger: &Stranger<'_>, state: RuleState<'_>) -> Result<(Grant, Option<usize>), Misfit> {
    let RuleState { rule, made, used } = state;
    usable(rule, made, stranger.ours, stranger.now)?;
    let chain = match &rule.who {
        Who::Peer(did) if did != stranger.sender => return Err(Misfit::Who),
        Who::Domain(domain) if !domain.covers(stranger.sender) => return Err(Misfit::Who),
        Who::Invited(id) if stranger.invitation != Some(id) => return Err(Misfit::NotInvited),
        Who::Peer(_) | Who::Domain(_) | Who::Invited(_) => None,
        Who::VouchedBy(root) => {
            let begins = |chain: &&Vouched| chain.issuers.first() == Some(root);
            if !stranger.vouched.iter().any(|chain| begins(&chain)) {
                return Err(Misfit::NotVouched);
            }
            let short = |chain: &Vouched| chain.issuers.len() <= usize::from(rule.depth) + 1;
            let fits = |chain: &Vouched| begins(&chain) && short(chain);
            let place = stranger.vouched.iter().position(fits);
            Some(place.ok_or(Misfit::TooFar)?)
        }
    };
    if stranger.revoked {
        return Err(Misfit::Revoked);
    }
    if stranger.keys_changed {
        return Err(Misfit::Keys);
    }
    let vouched = chain.and_then(|place| stranger.vouched.get(place));
    let limits = limits_left(rule, used)?;
    let grant = cut(stranger, rule, &limits, vouched)?;
    Ok((grant, chain))
}

/// What is asked for, cut to what the rule and the vouches allow.
fn cut(
    stranger: &Stranger<'_>,
    rule: &Rule,
    limits: &Restrictions,
    vouched: Option<&Vouched>,
) -> Result<Grant, Misfit> {
    let offer = stranger.offer;
    let mut they = offer.types_from(stranger.sender).intersect(&rule.they_may);
    let mut you = offer.types_from(stranger.ours).intersect(&rule.you_may);
    if they.is_empty() && you.is_empty() {
        return Err(Misfit::Types);
    }
    let mut limits = offer.restrictions().and(&Restrictions {
        deniable: true,
        untimed: true,
        ..limits.clone()
    });
    let mut until = rule.end(stranger.now, offer.until());
    if let Some(vouched) = vouched {
        (they, you) = (
            they.intersect(&vouched.types),
            you.intersect(&vouched.types),
        );
        if they.is_empty() && you.is_empty() {
            return Err(Misfit::VouchedForOther);
        }
        if vouched.uses == Some(0) {
            return Err(Misfit::VouchUsedUp);
        }
        until = until.min(vouched.until);
        limits = limits.and(&Restrictions {
            deniable: true,
            untimed: true,
            uses: vouched.uses,
            ..Restrictions::default()
        });
    }
    if stranger.first.is_some_and(|first| !they.covers(first)) {
        return Err(Misfit::First);
    }
    if until <= stranger.now {
        return Err(Misfit::Over);
    }
    let [first, _] = offer.between();
    let (first_may, second_may) = if first == stranger.sender {
        (they, you)
    } else {
        (you, they)
    };
    let changed = |new: Types, sender: &Did| (new != *offer.types_from(sender)).then_some(new);
    let [one, two] = offer.between();
    let narrower = Narrower {
        first_may: changed(first_may, one),
        second_may: changed(second_may, two),
        until: (until != offer.until()).then_some(until),
        limits: if limits == offer.restrictions() {
            Restrictions::default()
        } else {
            limits
        },
    };
    offer.narrowed(&narrower).map_err(|_| Misfit::Types)
}

/// The rule's limits for one more grant, what was used of them taken off.
fn limits_left(rule: &Rule, used: u64) -> Result<Restrictions, Misfit> {
    let left = rule.limits.uses.map(|uses| uses.saturating_sub(used));
    if left == Some(0) {
        return Err(Misfit::Uses);
    }
    Ok(Restrictions {
        uses: left,
        ..rule.limits.clone()
    })
}

/// A stranger's first message, without a knock.
#[derive(Clone, Copy, Debug)]
pub struct FirstMessage<'a> {
    /// Our agent.
    pub ours: &'a Did,
    /// The proved sender.
    pub sender: &'a Did,
    /// What he sends.
    pub type_: &'a MessageType,
    /// The invitation that he names.
    pub invitation: Option<&'a str>,
    /// True if an operator blocked him or his domain.
    pub blocked: bool,
    /// True if the last grant of the two was ended by a decision of ours.
    pub revoked: bool,
    /// True if the last grant of the two was made for other keys.
    pub keys_changed: bool,
    /// UTC seconds.
    pub now: u64,
}

/// Asks the rules about a message without a knock. The first that lets it in gives its own terms
/// to the grant that begins, with what is left of its limits.
///
/// # Errors
/// Why none does, for each; nothing if there are no rules, or he is blocked.
pub fn admit<'a>(
    message: &FirstMessage<'_>,
    rules: &[RuleState<'a>],
) -> Result<(&'a Rule, Restrictions), Vec<(&'a Rule, Misfit)>> {
    let mut misfits = Vec::with_capacity(rules.len());
    if message.blocked {
        return Err(misfits);
    }
    for RuleState { rule, made, used } in rules.iter().copied() {
        let fits = usable(rule, made, message.ours, message.now).and_then(|()| match &rule.who {
            _ if rule.admits != Admits::Message => Err(Misfit::KnockOnly),
            Who::Peer(did) if did != message.sender => Err(Misfit::Who),
            Who::Domain(domain) if !domain.covers(message.sender) => Err(Misfit::Who),
            Who::Invited(id) if message.invitation != Some(id) => Err(Misfit::NotInvited),
            Who::VouchedBy(_) => Err(Misfit::NotVouched),
            _ if message.revoked => Err(Misfit::Revoked),
            _ if message.keys_changed => Err(Misfit::Keys),
            _ if !rule.they_may.covers(message.type_) => Err(Misfit::Types),
            Who::Peer(_) | Who::Domain(_) | Who::Invited(_) => Ok(()),
        });
        match fits.and_then(|()| limits_left(rule, used)) {
            Ok(limits) => return Ok((rule, limits)),
            Err(misfit) => misfits.push((rule, misfit)),
        }
    }
    Err(misfits)
}

/// Whether a rule may make a grant for this agent of ours at all.
fn usable(rule: &Rule, made: u64, ours: &Did, now: u64) -> Result<(), Misfit> {
    if !rule.is_about(ours) {
        Err(Misfit::Agent)
    } else if !rule.is_open(now) {
        Err(Misfit::Over)
    } else if rule.grants.is_some_and(|most| made >= most) {
        Err(Misfit::UsedUp)
    } else {
        Ok(())
    }
}
