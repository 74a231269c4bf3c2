# Needs Debian 12 with Swift 6.2 or newer, and root: guests, bridges and namespaces are real.
.PHONY: all build check test test-ceph demo demo-down bench format clean

all: build

packages:
	demo/packages
test-packages:
	demo/packages test

build: packages
	swift build

# What CI runs: style, then every test.
check: lint test

lint:
	swift format lint --strict --recursive --parallel Sources Tests Benchmarks Package.swift

test: test-packages
	swift build --build-tests
	# One after another: guests, namespaces and raw frames share two processors, and time limits must mean something.
	swift test --skip-build --no-parallel --skip EndToEndTests
	swift test --skip-build --no-parallel --filter 'FailingOrderTests|FaultTests|aBlankUndo|EndToEndTests.(API|Console|RetiredImage)Tests'
	swift test --skip-build --no-parallel --filter 'everyDeath'
	swift test --skip-build --no-parallel --filter 'TinyGuestTests|TinyLifeTests|TinyCopyTests|ISCSILifeTests|NFSLifeTests|MountedLifeTests|HalfCloneTests'

# What needs a Ceph cluster: fifteen minutes more on two busy processors, 500 MB of memory, and packages that nothing else needs.
test-ceph:
	demo/packages ceph
	swift build --build-tests
	HOSTAL_CEPH=1 swift test --skip-build --no-parallel --filter 'RBDVolumesTests|RBDLifeTests|holdsInCeph|StorageMatrixTests|HalfCloneTests'

# A whole Hostal on this machine, ending in a guest's shell. Twice works twice; demo-down leaves nothing but the image cache.
demo: packages
	swift build
	demo/up

demo-down:
	demo/down

bench: test-packages
	Benchmarks/run

format:
	swift format --in-place --recursive --parallel Sources Tests Benchmarks Package.swift

clean:
	swift package clean
