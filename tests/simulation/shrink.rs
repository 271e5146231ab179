//! A broken promise, told with as little as it takes.

use crate::life::Life;
use crate::run::{Broken, live};

/// The story of a life that breaks a promise: what isn't needed for that is left out.
pub fn story(life: &Life) -> String {
    let Err(first) = live(life, false) else { return format!("seed {} breaks nothing alone", life.seed) };
    let at_first = first.promise.clone();
    let (smallest, broken) = shrink(life.clone(), first);
    let told = live(&smallest, true).err().unwrap_or(broken);
    let promise = &told.promise;
    format!(
        "seed {}: {at_first}\n\nthe life, with what isn't needed left out:\n{smallest}\nthe story:\n{}\n=> {promise}\n\nagain: SFE_SEED={} SFE_SEEDS=1 cargo test --test simulation",
        life.seed,
        told.story.join("\n"),
        life.seed,
    )
}

/// Leaves out steps and faults one after the other, as long as some promise is still broken.
fn shrink(mut life: Life, mut broken: Broken) -> (Life, Broken) {
    loop {
        let before = life.steps.len() + life.faults.len();
        for candidate in smaller(&life) {
            if candidate.steps.len() + candidate.faults.len() >= life.steps.len() + life.faults.len() {
                continue;
            }
            if !candidate.is_sound() {
                continue;
            }
            if let Err(again) = live(&candidate, false) {
                (life, broken) = (candidate, again);
                break;
            }
        }
        if life.steps.len() + life.faults.len() == before {
            return (life, broken);
        }
    }
}

fn smaller(life: &Life) -> Vec<Life> {
    let mut all = Vec::new();
    for call in life.faults.keys() {
        let mut one = life.clone();
        one.faults.remove(call);
        all.push(one);
    }
    for index in (0..life.steps.len()).rev() {
        let mut one = life.clone();
        let gone = one.steps.remove(index);
        // What follows stays when it was.
        if let Some(next) = one.steps.get_mut(index) {
            next.after += gone.after;
        }
        all.push(one);
    }
    all
}
