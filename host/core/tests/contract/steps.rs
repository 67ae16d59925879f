//! The world of vectors, as the model is compared with it.

use memctl_core::{Code, Error, Quotas};
use memctl_model::{Act, Answer, Checksum, GUESTS, Looks, Outcome, Range, Step};

use crate::program::Named;

impl Named {
    fn look(&mut self, guest: usize, looks: &Looks) -> u64 {
        if self.world.try_running(guest).is_err() {
            return 0;
        }
        Checksum::of(&looks[guest], |(start, len)| {
            (start..start + len).map(|address| self.world.load(guest, address)).collect()
        })
    }
}

impl memctl_model::World for Named {
    fn perform(&mut self, step: &Step, looks: &Looks) -> Outcome {
        let code = |error: Error| -> Code { error.code() };
        match step {
            Step::Guest(guest, Act::Trap { to, value }) => {
                let stored = self.act(*guest, &Act::Store { to: *to, value: *value });
                self.world.leave();
                Outcome::unseen(stored.map_or_else(|error| Answer::Refused(error.code()), |_| Answer::Trapped))
            }
            Step::Guest(guest, act) => {
                let answer = Answer::from(self.act(*guest, act).map_err(code));
                let meanwhile = match act {
                    Act::Cross { meanwhile, .. } => meanwhile.as_ref().map(|step| {
                        self.world.leave();
                        self.inside.push(*guest);
                        let outcome = self.perform(step, looks);
                        self.inside.pop();
                        Box::new(outcome)
                    }),
                    _ => None,
                };
                Outcome { answer, seen: self.look(*guest, looks), meanwhile }
            }
            Step::Read(name) => {
                let read = self.world.read(self.object(name)).map(|bytes| Checksum::of(&[(0, 0)], |_| bytes.clone()));
                Outcome::unseen(read.map_err(code).into())
            }
            Step::Write { object, offset, bytes } => {
                let written = self.world.overwrite(self.object(object), *offset, bytes);
                Outcome::unseen(written.map(|()| 0).map_err(code).into())
            }
            Step::End(guest, _) => {
                self.world.end(*guest);
                self.world.begin(*guest);
                Outcome::unseen(Answer::Gave(0))
            }
            Step::RenewMemory(guest) => {
                self.world.renew_memory(*guest);
                Outcome::unseen(Answer::Gave(0))
            }
        }
    }

    fn load(&mut self, guest: usize, range: Range) -> Vec<u8> {
        self.try_load(guest, range).unwrap_or_default()
    }

    fn usage(&self, guest: usize) -> Quotas {
        assert!(guest < GUESTS);
        self.world.domain.usage(self.world.guests[guest]).expect("live")
    }

    fn total_usage(&self) -> Quotas {
        self.world.check_books();
        self.world.domain.total_usage()
    }

    fn objects(&self) -> Option<usize> {
        Some(self.world.ram.objects())
    }
}
