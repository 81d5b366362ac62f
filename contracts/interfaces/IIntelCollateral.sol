// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Intel's collateral
/// @notice Certificates, revocation lists, TCB infos and QE identities that Intel signed, kept compactly. Anybody
/// brings them; what Intel did not sign, what has run out and what is older than what is here is refused. Nobody
/// administers it. Of TCB infos and QE identities the highest evaluation counts, also where Intel serves a lower one
/// beside it for some time.
interface IIntelCollateral {
    /// @notice What an authority below the root may sign.
    enum Role {
        None,
        PckCertificates,
        TcbDocuments
    }

    /// @notice An authority below the root. `serialTag` is the low 64 bits of its certificate's serial number.
    struct Authority {
        uint256 x;
        uint256 y;
        uint40 notBefore;
        uint40 notAfter;
        uint64 serialTag;
        Role role;
    }

    /// @notice A document. `data` holds what is kept of it, the zero address for a revocation list that revokes
    /// nothing; a document that is not here has `nextUpdate` zero.
    struct Document {
        address data;
        uint40 issuedAt;
        uint40 nextUpdate;
        uint16 evaluationNumber; // zero for revocation lists
    }

    /// @notice All that judging one quote takes.
    struct Collateral {
        Authority issuer;
        Document rootCrl;
        Document pckCrl;
        Document tcbInfo;
        Document qeIdentity;
        uint40 rootNotBefore;
        uint40 rootNotAfter;
    }

    /// @notice An authority was entered or renewed.
    event AuthorityEntered(bytes32 indexed authorityId, Role role, uint40 notAfter);
    /// @notice A revocation list was entered.
    event CrlEntered(bytes32 indexed authorityId, uint256 entries, uint40 issuedAt, uint40 nextUpdate);
    /// @notice A TCB info was entered.
    event TcbInfoEntered(bytes32 indexed tcbInfoId, uint16 evaluationNumber, uint40 issuedAt, uint40 nextUpdate);
    /// @notice A QE identity was entered.
    event QeIdentityEntered(bool indexed isTdx, uint16 evaluationNumber, uint40 issuedAt, uint40 nextUpdate);

    /// @notice The certificate's key is not on P-256, or it is not signed by ECDSA with SHA-256.
    error CertificateAlgorithm(uint256 curve, uint256 signatureAlgorithm);
    /// @notice The certificate is not one of the root, or names another key of it.
    error IssuerUnknown(bytes32 issuer, bytes32 authorityKeyId);
    /// @notice The certificate's name, key usage or constraints are not those of an authority of Intel's.
    error CertificateRole(bytes32 commonNameHash, bool isCa, uint256 keyUsage);
    /// @notice No authority with this role has this id.
    error AuthorityUnknown(bytes32 authorityId, Role role);
    /// @notice The authority's certificate is not valid now.
    error AuthorityNotValid(bytes32 authorityId, uint40 notBefore, uint40 notAfter);
    /// @notice The root has revoked the authority's certificate.
    error AuthorityRevoked(bytes32 authorityId);
    /// @notice There is no revocation list of the root here yet.
    error RootCrlMissing();
    /// @notice The signature is not the authority's. Also where the chain has no precompile for P-256.
    error SignatureWrong(bytes32 authorityId);
    /// @notice The signature has another length than 64 octets.
    error SignatureLength(uint256 lengthBytes);
    /// @notice The document was issued in the future or has run out.
    error DocumentNotCurrent(uint256 issuedAt, uint256 nextUpdate);
    /// @notice The document is not newer than the one here, or of an earlier evaluation.
    error DocumentNotNewer(uint256 issuedAt, uint256 evaluationNumber);

    /// @notice The id of the root as an issuer: keccak256 of the hashes of its name and its key identifier.
    function ROOT_ID() external view returns (bytes32);

    /// @notice Enters an authority's certificate, DER, issued by the root. A renewed certificate replaces one with the
    /// same name and key identifier. Errors as above, and those of `X509` and `Der`.
    function enterAuthority(bytes calldata certificate) external returns (bytes32 authorityId);

    /// @notice Enters a revocation list, DER, of the root or of an authority for PCK certificates.
    function enterCrl(bytes calldata crl) external;

    /// @notice Enters a TCB info. The revocation list of the root has to be here.
    /// @param json The value of `tcbInfo`, byte for byte as Intel sent it.
    /// @param signature r and s, 64 octets.
    /// @param authorityId The authority for TCB documents that signed it.
    function enterTcbInfo(bytes calldata json, bytes calldata signature, bytes32 authorityId) external;

    /// @notice Enters a QE identity: as `enterTcbInfo`, with the value of `enclaveIdentity`.
    function enterQeIdentity(bytes calldata json, bytes calldata signature, bytes32 authorityId) external;

    /// @notice What judging a quote takes; documents that are not here are zero.
    /// @param authorityId Who issued the PCK certificate.
    function collateralOf(bytes32 authorityId, bytes32 tcbInfoId, bool isTdx) external view returns (Collateral memory);

    /// @notice The entry of an authority; zero when it is not here.
    function authorityOf(bytes32 authorityId) external view returns (Authority memory);

    /// @notice The newest revocation list of an issuer.
    function crlOf(bytes32 authorityId) external view returns (Document memory);

    /// @notice The newest TCB info.
    /// @param tcbInfoId 1 for TDX and 0 for SGX, shifted left by 64, the FMSPC by 16, the PCE id.
    function tcbInfoOf(bytes32 tcbInfoId) external view returns (Document memory);

    /// @notice The newest identity of the quoting enclave.
    function qeIdentityOf(bool isTdx) external view returns (Document memory);
}
