//! `memctl plan`: whether programs fit a board, where everything goes, and what keeps them apart there.

mod demand;
mod map;
mod needs;
mod regions;
mod report;
mod rules;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use self::demand::Demand;
use self::map::{Fit, GRANULE, Map, Use, Wanted};
use self::needs::{Firmware, Known, Partition};
use self::report::{Planned, Report};
use crate::boards::{Board, Boards, Kind, System};
use crate::program::Program;
use crate::run::print;
use crate::size::Size;
use crate::spec::{Access, HeapSpec, ObjectSource, ObjectSpec};

/// What `memctl plan --help` says at its end.
pub const HELP: &str = "\
All programs are there at once, as in a domain whose guests take turns: each has its image in flash and a partition of RAM, with its
stacks, its memories as long as they are at first, its tables, and the engine's own. Images have their exact size; what says
(estimate) was measured on the emulated boards and rounded up, and --firmware-flash, --firmware-ram, --stack and --interpreter-stack take
your own figures.
A board that runs Linux needs no plan for its addresses: there the answer is RAM, and what its MMU keeps.

Regions are those that the firmware of examples/board loads, from the same planner (host/mpu), in the values of the registers.

--boards FILE adds boards, in the form of host/cli/boards.toml:
  [[board]]
  name = \"mine\"
  title = \"My board\"
  cpu = \"Cortex-M33\"
  target = \"thumbv8m.main-none-eabi\"
  word = 32
  system = \"firmware\"
  memory = [
      { name = \"flash\", kind = \"flash\", origin = 0x0800_0000, length = \"1MiB\" },
      { name = \"SRAM\", kind = \"ram\", origin = 0x2000_0000, length = \"256KiB\" },
  ]
  protection = { unit = \"pmsav8\", regions = 8 }

With --json, one JSON object on stdout:
  board, fits, firmware: {flash, ram, shared}, programs: [{name, component_bytes, image_bytes, missing: [string],
  memories: [{initial, most}], ..., partition: {stack, interpreter, memories, tables, runtime}}], placed: [{kind, name, bank, start, bytes}],
  banks: [{bank, kind, origin, bytes, used, left}], misfits: [{kind, name, memory, bytes, missing}],
  protection: [{program, regions: [{number, what, rights, registers}], left, watched, part, left_with_objects, slack, refused}],
  rules: [{rule, by, how}]

Exit code: 0 if everything fits and the firmware has what the programs import, 1 if not, or if there is no such board or program. 2 if the command line is wrong.

Examples:
  memctl plan --list
  memctl plan --board an505 app.wasm
  memctl plan --board esp32-c6 --object frames=64KiB --object table=./table.bin:ro producer.wasm consumer.wasm
  memctl plan --board mine --boards boards.toml --stack 8KiB --json app.wasm";

/// Flags and arguments of `memctl plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// The board; --list lists them.
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub board: Option<String>,
    /// A file with more boards; see below.
    #[arg(long, value_name = "FILE")]
    pub boards: Option<PathBuf>,
    /// List the boards and do nothing else.
    #[arg(long, conflicts_with_all = ["board", "programs", "json"])]
    pub list: bool,
    /// An object of SIZE bytes in RAM, or with the bytes of file PATH: in flash if it is :ro, else in RAM. As for `memctl run`.
    #[arg(long = "object", value_name = "NAME=SIZE|NAME=PATH[:ro]")]
    pub objects: Vec<ObjectSpec>,
    /// A shared heap of SIZE bytes, which grows to MAX. MAX is planned for.
    #[arg(long = "heap", value_name = "NAME=SIZE[..MAX]")]
    pub heaps: Vec<HeapSpec>,
    /// An interface that the firmware provides beyond memory control and stdout, as for `memctl compile`; may be repeated.
    #[arg(long, value_name = "INTERFACE")]
    pub provides: Vec<String>,
    /// What your firmware takes of flash, without images.
    #[arg(long, value_name = "SIZE", help_heading = "Instead of estimates")]
    pub firmware_flash: Option<Size>,
    /// What your firmware takes of RAM, without objects and partitions; on Linux, what memctl takes.
    #[arg(long, value_name = "SIZE", help_heading = "Instead of estimates")]
    pub firmware_ram: Option<Size>,
    /// The machine stack of each program.
    #[arg(long, value_name = "SIZE", help_heading = "Instead of estimates")]
    pub stack: Option<Size>,
    /// The stack of each program's interpreter: `Config::max_wasm_stack` in your firmware.
    #[arg(long, value_name = "SIZE", help_heading = "Instead of estimates")]
    pub interpreter_stack: Option<Size>,
    /// Print a JSON report on stdout instead of tables; see below.
    #[arg(long)]
    pub json: bool,
    /// The programs: components, or WASI preview 1 command modules.
    #[arg(value_name = "APP.wasm", required_unless_present = "list")]
    pub programs: Vec<PathBuf>,
}

/// Plans, prints the plan, and gives back the code to exit with.
///
/// # Errors
/// There is no such board, or a program or an object's file can't be read.
pub fn run(args: &PlanArgs) -> Result<i32> {
    let boards = Boards::load(args.boards.as_deref())?;
    let Some(name) = &args.board else {
        print(&report::list(boards.all()))?;
        return Ok(0);
    };
    let board = boards.find(name)?;
    let report = plan(args, board)?;
    if args.json {
        print(&serde_json::to_value(&report)?)?;
    } else {
        print(&report.to_text(board))?;
    }
    Ok(i32::from(!report.fits))
}

fn plan(args: &PlanArgs, board: &Board) -> Result<Report> {
    let bytes = |size: Option<Size>| size.map(|Size(bytes)| bytes);
    let known = Known {
        flash: bytes(args.firmware_flash),
        ram: bytes(args.firmware_ram),
        stack: bytes(args.stack),
        interpreter: bytes(args.interpreter_stack),
    };
    let mut programs: Vec<Planned> = Vec::new();
    for (number, path) in args.programs.iter().enumerate() {
        let program = Program::load(path)?;
        let mut demand = Demand::of(&program, board, &args.provides).with_context(|| path.display().to_string())?;
        let namesakes = args.programs[..number].iter().filter(|other| other.file_name() == path.file_name()).count();
        if namesakes > 0 {
            demand.name = format!("{} ({})", demand.name, namesakes + 1);
        }
        let partition = Partition::of(&demand, board, known);
        programs.push(Planned { demand, partition });
    }
    let firmware = (board.system == System::Firmware).then(|| Firmware::on(board, known));
    let mut wanted = Vec::new();
    for heap in &args.heaps {
        let what = Use::Heap(heap.name.clone());
        wanted.push(Wanted { what, kind: Kind::Ram, bytes: heap.max.0, fit: Fit::Shown });
    }
    for object in &args.objects {
        wanted.push(object_wanted(object)?);
    }
    let map = Map::fill(board, &everything(firmware, &programs, wanted, known));
    let names: Vec<String> = programs.iter().map(|planned| planned.demand.name.clone()).collect();
    let protection = regions::held(board, &map, &names);
    let demands: Vec<Demand> = programs.iter().map(|planned| planned.demand.clone()).collect();
    let rules = rules::kept(board, &demands, &protection);
    let runs = programs.iter().all(|planned| planned.demand.missing.is_empty());
    let fits = runs && map.misfits.is_empty() && protection.iter().all(|held| held.refused.is_none());
    Ok(Report { board: board.name.clone(), fits, firmware, programs, map, protection, rules })
}

fn object_wanted(object: &ObjectSpec) -> Result<Wanted> {
    let what = Use::Object(object.name.clone());
    Ok(match &object.source {
        ObjectSource::Zeroes(Size(bytes)) => Wanted { what, kind: Kind::Ram, bytes: *bytes, fit: Fit::Shown },
        ObjectSource::File(path, access) => {
            let file = fs::metadata(path).with_context(|| format!("{}: can't read the object", path.display()))?;
            let (kind, fit) = match access {
                Access::Read => (Kind::Flash, Fit::Aligned(GRANULE)),
                Access::ReadWrite => (Kind::Ram, Fit::Shown),
            };
            Wanted { what, kind, bytes: file.len(), fit }
        }
    })
}

/// What memctl itself takes on Linux, with the compiler: 27 to 36 MiB were resident after `memctl run` of a small program on x86-64.
const PROCESS: u64 = 48 << 20;

/// What is put into the board's memory, in this order.
fn everything(firmware: Option<Firmware>, programs: &[Planned], mut objects: Vec<Wanted>, known: Known) -> Vec<Wanted> {
    let wanted = |what, kind, bytes, fit| Wanted { what, kind, bytes, fit };
    let Some(Firmware { flash, ram, shared }) = firmware else {
        let memctl = known.ram.unwrap_or(PROCESS);
        let mut all = vec![wanted(Use::Kernel, Kind::Ram, memctl, Fit::Covered)];
        objects.iter_mut().for_each(|object| object.kind = Kind::Ram);
        all.append(&mut objects);
        all.extend(programs.iter().map(|Planned { demand, partition }| {
            wanted(Use::Partition(demand.name.clone()), Kind::Ram, partition.bytes(), Fit::Covered)
        }));
        return all;
    };
    let mut all = vec![wanted(Use::Firmware, Kind::Flash, flash, Fit::Aligned(GRANULE))];
    for Planned { demand, .. } in programs {
        let image = demand.image_bytes.unwrap_or(0);
        all.push(wanted(Use::Image(demand.name.clone()), Kind::Flash, image, Fit::Aligned(GRANULE)));
    }
    // Partitions first: they must be aligned most.
    for Planned { demand, partition } in programs {
        all.push(wanted(Use::Partition(demand.name.clone()), Kind::Ram, partition.bytes(), Fit::Covered));
    }
    all.push(wanted(Use::Kernel, Kind::Ram, ram, Fit::Aligned(GRANULE)));
    all.push(wanted(Use::Shared, Kind::Ram, shared, Fit::Covered));
    all.append(&mut objects);
    all
}
