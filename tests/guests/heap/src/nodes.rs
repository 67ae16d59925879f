//! Lists and trees in blocks.

use bytemuck::{Pod, Zeroable};
use memctl_guest::heap::{Blocks, Heap, HeapReader, RelPtr, Token};
use memctl_guest::{Error, Result};

/// A node of a list inside one block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Node {
    value: u64,
    next: RelPtr<Node>,
}

/// A node of a list of blocks.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Far {
    value: u64,
    next: Token,
}

/// A node of a tree: a leaf in another block, and two nodes in its own.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Branch {
    leaf: RelPtr<u64>,
    left: RelPtr<Branch>,
    right: RelPtr<Branch>,
}

pub(crate) fn share_list(heap: &Heap, values: &[u64]) -> Result<Token> {
    let mut nodes = heap.slice::<Node>(values.len())?;
    for (index, &value) in values.iter().enumerate() {
        nodes[index].value = value;
        nodes[index].next = nodes.link(index + 1).unwrap_or(RelPtr::NONE);
    }
    Ok(nodes.share()?.into_token())
}

pub(crate) fn walk_list(heap: &HeapReader, block: Token) -> Result<Vec<u64>> {
    let nodes = heap.resolve::<[Node]>(block)?;
    let (mut values, mut at) = (Vec::new(), nodes.link(0).unwrap_or(RelPtr::NONE));
    while let Some(node) = at.get(&nodes)? {
        values.push(node.value);
        at = node.next;
    }
    Ok(values)
}

pub(crate) fn share_blocks(heap: &Heap, values: &[u64]) -> Result<Token> {
    values.iter().rev().try_fold(Token::NONE, |next, &value| Ok(heap.boxed(Far { value, next })?.share()?.into_token()))
}

pub(crate) fn walk_blocks(heap: &HeapReader, first: Token) -> Result<Vec<u64>> {
    let (mut values, mut at) = (Vec::new(), first);
    while !at.is_none() {
        let node = heap.resolve::<Far>(at)?;
        values.push(node.value);
        at = node.next;
    }
    Ok(values)
}

/// A tree in the shape of a binary heap: node `n` has the children `2n + 1` and `2n + 2`.
pub(crate) fn give_tree(heap: &Heap, values: &[u64]) -> Result<(Token, Token)> {
    let mut leaves = heap.slice::<u64>(values.len())?;
    leaves.copy_from_slice(values);
    let mut nodes = heap.slice::<Branch>(values.len())?;
    for index in 0..values.len() {
        let child = |child: usize| nodes.link(2 * index + child).unwrap_or(RelPtr::NONE);
        let (left, right) = (child(1), child(2));
        nodes[index] = Branch { leaf: leaves.link(index).ok_or(Error::Bounds)?, left, right };
    }
    Ok((nodes.give()?, leaves.give()?))
}

pub(crate) fn sum_tree(heap: &Heap, nodes: Token, leaves: Token) -> Result<u64> {
    let nodes = heap.take::<[Branch]>(nodes)?;
    let leaves = heap.take::<[u64]>(leaves)?;
    fn sum(nodes: &impl Blocks, leaves: &impl Blocks, at: RelPtr<Branch>) -> Result<u64> {
        let Some(node) = at.get(nodes)? else { return Ok(0) };
        let leaf = node.leaf.get(leaves)?.copied().unwrap_or(0);
        Ok(leaf + sum(nodes, leaves, node.left)? + sum(nodes, leaves, node.right)?)
    }
    sum(&nodes, &leaves, nodes.link(0).unwrap_or(RelPtr::NONE))
}
