//! Random programs of calls: linked statically, through libraries, and on vectors, they do the same.

use std::cell::RefCell;

use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    calls::{Form, check},
    functions::{self, Abi, Function},
    guest::{BYTES, Guest, Route},
    model::Model,
};

/// A call: which function, its arguments, the windows, and how they are named.
#[derive(Clone, Debug)]
struct Call {
    function: prop::sample::Index,
    args: [u128; 3],
    windows: [i32; 2],
    form: Form,
}

fn argument() -> impl Strategy<Value = u128> {
    prop_oneof![
        12 => 0..40_u128,
        4 => 40..220_u128,
        1 => (0..24_u128).prop_map(|below| u128::from(u32::MAX) - below),
        1 => (1 << 32)..(1 << 32) + 24_u128,
        1 => any::<u64>().prop_map(u128::from),
        1 => any::<u128>(),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let window = || prop_oneof![9 => 1..=3, 1 => 0..=4];
    let form = prop_oneof![Just(Form::Constant), Just(Form::Dynamic)];
    let args = [argument(), argument(), argument()];
    (any::<prop::sample::Index>(), args, [window(), window()], form).prop_map(|(function, args, windows, form)| Call {
        function,
        args,
        windows,
        form,
    })
}

#[test]
fn static_link_library_and_model_do_the_same() {
    let functions: Vec<Function> = Abi::ALL.into_iter().flat_map(|abi| functions::all(abi, "i32")).collect();
    // Bulk functions are few, and asked for as often as all others.
    let (bulk, access): (Vec<_>, Vec<_>) = functions.into_iter().partition(|function| !function.name.contains('.'));
    let guests = RefCell::new([Route::Static, Route::Library].map(|route| Guest::new(BYTES, route)));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let program = (any::<u8>(), prop::collection::vec((any::<bool>(), call()), 1..60));
    let outcome = TestRunner::new(config).run(&program, |(seed, calls)| {
        for guest in guests.borrow_mut().iter_mut() {
            for number in 0..=3 {
                let seed = seed.wrapping_mul(u8::try_from(number + 1).unwrap());
                for (at, byte) in guest.memory(number).iter_mut().enumerate() {
                    *byte = u8::try_from(at).unwrap().wrapping_mul(5) ^ seed;
                }
            }
            let mut model = Model { memories: guest.memories() };
            for (is_bulk, call) in &calls {
                let function = call.function.get(if *is_bulk { &bulk } else { &access });
                let mut args = call.args;
                for (arg, ty) in args.iter_mut().zip(&function.params) {
                    *arg &= match *ty {
                        "i32" | "f32" => u32::MAX.into(),
                        "v128" => u128::MAX,
                        _ => u64::MAX.into(),
                    };
                }
                let windows = &call.windows[..function.selectors];
                let form = if function.selectors == 0 { Form::Dynamic } else { call.form };
                check(guest, &mut model, function, &args[..function.params.len()], windows, form);
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
