# shellcheck shell=bash
# Source this at the top of the checkout: the virtualenv's programs first, and Molecule told where our scenarios are.
export PATH=$PWD/.venv/bin:$PATH
export MOLECULE_GLOB='molecule/*/molecule.yml' # without it Molecule asks for extensions/molecule
