//! What a guest does with objects.

use memctl_wasmtime::Code;

use super::guest::{Payload, RESULT, Stop};
use super::player::{Own, Player, Turn, broken, number};
use super::scene::Thing;
use super::stamps;
use super::tally::Operation;

impl Player<'_> {
    /// The guest's handle to an object, if its quotas allow one.
    pub(crate) fn handle(&mut self, turn: &mut Turn<'_>, thing: Thing) -> Result<Option<i32>, Stop> {
        if thing == Thing::Own {
            return self.own_handle(turn);
        }
        if let Some(handle) = self.handles.get(&thing) {
            return Ok(Some(*handle));
        }
        self.count(turn, Operation::Object);
        let answer = self.guest.open(thing.name())?;
        let Ok(handle) = self.check(turn, "open", answer, &[Code::Quota])? else { return Ok(None) };
        self.handles.insert(thing, number(handle));
        Ok(Some(number(handle)))
    }

    fn own_handle(&mut self, turn: &mut Turn<'_>) -> Result<Option<i32>, Stop> {
        if let Some(own) = self.own {
            return Ok(own.handle);
        }
        self.count(turn, Operation::Object);
        let size = 1 + turn.random.below(Thing::Own.granules() * self.granule());
        let call = "[static]object.anonymous";
        let answer = self.guest.ask(call, (size.cast_signed(), RESULT), Payload::Handle)?;
        let Ok(handle) = self.check(turn, call, answer, &[Code::Quota])? else { return Ok(None) };
        self.own = Some(Own { handle: Some(number(handle)), size });
        Ok(Some(number(handle)))
    }

    /// The own object is gone, if nothing holds it any more.
    pub(crate) fn forget_own(&mut self) {
        let mapped = self.windows.iter().flatten().any(|window| window.thing == Thing::Own);
        if !mapped && self.own.is_some_and(|own| own.handle.is_none()) {
            self.own = None;
        }
    }

    pub(crate) fn objects(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        match turn.random.below(6) {
            0 => self.resize(turn, Thing::Elastic),
            1 => self.resize(turn, Thing::Own),
            2 => self.measure(turn),
            3 => self.drop_handle(turn),
            4 => {
                self.count(turn, Operation::Object);
                let answer = self.guest.open("nobody published this")?;
                match self.check(turn, "open", answer, &[Code::NotFound, Code::Quota])? {
                    Ok(_) => broken("what nobody published was opened"),
                    Err(_) => Ok(()),
                }
            }
            _ => self.resize(turn, Thing::Stamped),
        }
    }

    fn resize(&mut self, turn: &mut Turn<'_>, thing: Thing) -> Result<(), Stop> {
        let Some(handle) = self.handle(turn, thing)? else { return Ok(()) };
        self.count(turn, Operation::Object);
        let size = turn.random.below(thing.granules() * self.granule() + 1);
        let call = "[method]object.resize";
        let answer = self.guest.ask(call, (handle, size.cast_signed(), RESULT), Payload::None)?;
        if thing == Thing::Stamped {
            return match self.check(turn, call, answer, &[Code::Access])? {
                Ok(_) => broken("an object was resized without the right to"),
                Err(_) => Ok(()),
            };
        }
        let possible = [Code::Bounds, Code::Overlap, Code::Busy, Code::Quota];
        let answer = self.check(turn, call, answer, &possible)?;
        match (answer, &mut self.own) {
            (Ok(_), _) if size == 0 => broken("an object was made empty"),
            (Err(Code::Bounds), _) if size != 0 => broken(format!("{size} bytes are out of bounds for an object")),
            (Ok(_), Some(own)) if thing == Thing::Own => {
                own.size = size;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn measure(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let thing = turn.random.pick([Thing::Stamped, Thing::Own]);
        let Some(handle) = self.handle(turn, thing)? else { return Ok(()) };
        self.count(turn, Operation::Object);
        let answer = self.guest.ask("[method]object.len", (handle, RESULT), Payload::Number)?;
        let len = self.check(turn, "len", answer, &[])?;
        let expected = match self.own {
            Some(own) if thing == Thing::Own => own.size,
            _ => thing.granules() * self.granule(),
        };
        let rights: i32 = self.guest.call("[method]object.rights", handle)?;
        let all = if thing == Thing::Own { 7 } else { 3 };
        if len == Ok(expected) && rights == all {
            return Ok(());
        }
        broken(format!("an object of {expected} bytes and rights {all} says that it has {len:?}, and rights {rights}"))
    }

    fn drop_handle(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let thing = turn.random.pick([Thing::Stamped, Thing::Elastic, Thing::File, Thing::Own]);
        let handle = match &mut self.own {
            Some(own) if thing == Thing::Own => own.handle.take(),
            _ => self.handles.remove(&thing),
        };
        let Some(handle) = handle else { return Ok(()) };
        self.count(turn, Operation::Object);
        self.guest.call::<_, ()>("[resource-drop]object", handle)?;
        self.forget_own();
        Ok(())
    }

    /// Calls the host, which looks at the automatic object meanwhile, and may change it.
    pub(crate) fn cross(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        if !self.scene.kind.has_automatic() {
            return self.touch(turn);
        }
        self.count(turn, Operation::Cross);
        let before = self.automatic.stamp.get();
        let next = if turn.random.once_in(2) { stamps::new(turn.random, stamps::SHARED) } else { 0 };
        self.automatic.next.set((next != 0).then_some(next));
        let same: i32 = self.guest.call("cross", (before.cast_signed(), next.cast_signed()))?;
        self.automatic.next.set(None);
        if same == 0 {
            return broken(format!("the host does not see the stamp {before:#x} that guests left in their windows"));
        }
        if next != 0 {
            self.automatic.stamp.set(next);
        }
        Ok(())
    }
}
